import type { Command } from 'commander';
import { iso } from '../client/views/fields.ts';
import { roleWords } from '../tokens/table.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { show } from './watching.ts';

export function whoAmICommand(program: Command): void {
  asClient(program.command('whoami'))
    .description('whose the token is, what it may, and until when')
    .action(async (_flags: ApiFlags, command: Command) => {
      await show(
        command.optsWithGlobals<ApiFlags>(),
        async (api) => {
          const { name, role, expiresAt } = await api.installation.whoAmI({});
          return { name, role: roleWords.words([role])[0] ?? 'unknown', expires: iso(expiresAt) };
        },
        ({ name, role, expires }) => `${name} is ${role}${expires === null ? '' : ` until ${expires}`}`,
      );
    });
}
