import type { Command } from 'commander';
import { withMongo } from '../connections.ts';
import { deletedPayload, subjectOf } from '../deploy/event.ts';
import { CliError, EXIT } from '../errors.ts';
import { findTarget } from '../target.ts';

type Flags = { json?: boolean };

export function undeployCommand(program: Command): void {
  program
    .command('undeploy')
    .description('delete a bot as the platform does')
    .argument('<id>', 'the bot’s id')
    .option('--json', 'print what was done as JSON')
    .action(async (id: string, _flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const { publish } = await import('../deploy/deploy.ts');
      const target = findTarget(flags);
      const bot = await withMongo(target, (all) =>
        all.bots.findOne({ id }, { projection: { _id: 0, config: 1, 'custom.config.type': 1 } }),
      );
      if (bot === null)
        throw new CliError(
          `There is no bot ${JSON.stringify(id)}. See: npx the0-runtime bots`,
          EXIT.notFound,
        );
      await publish(target, subjectOf('realtime', 'deleted'), deletedPayload(id, bot.config));
      console.log(
        flags.json === true
          ? JSON.stringify({ id, event: 'deleted' })
          : `deleted ${id}; its container is stopped as soon as the event arrives`,
      );
    });
}
