import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { idsOf } from '../completion/ids.ts';
import { completionScript, quoted, SHELLS, type Shell } from '../completion/scripts.ts';
import { completionTable } from '../completion/table.ts';
import { withApi } from '../client/with-api.ts';
import { ROOT } from '../paths.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { ID_KINDS, type IdKind } from './id-argument.ts';

export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script by which your shell completes commands, flags and ids')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText('after', '\nbash, zsh: source <(the0-runtime completion SHELL). fish: … fish | source')
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, completionTable(program), askForIds()));
    });
  asClient(program.command('completion-ids', { hidden: true }))
    .addArgument(new Argument('<kind>').choices(ID_KINDS))
    .action(async (kind: IdKind, _flags: ApiFlags, command: Command) => {
      const ids = await withApi(command.optsWithGlobals<ApiFlags>(), (api) => idsOf(api, kind));
      if (ids.length > 0) console.log(ids.join('\n'));
    });
}

/** By the path, since `npx the0-runtime` may be an alias. */
const askForIds = (): string =>
  `${quoted(process.execPath)} ${quoted(join(ROOT, 'bin', 'the0-runtime.mjs'))} completion-ids`;
