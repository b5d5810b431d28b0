import { Option, type Command } from 'commander';
import { commandEnvironment } from '../target.ts';

type Flags = { data?: string; examples: boolean; keepBots?: boolean };

export function upCommand(program: Command): void {
  program
    .command('up')
    .description(
      'everything at once on this machine: servers, engine, images, the runtime, the dashboard, example bots',
    )
    .option('--data <dir>', 'where servers keep their data; unset: .data of this clone')
    .addOption(new Option('--no-examples', 'deploy no example bots on a new installation'))
    .option('--keep-bots', 'leave bots running on Ctrl-C')
    .option('--reconcile-interval <duration>', 'period of the full resync, such as 30s (RECONCILE_INTERVAL)')
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals<Flags & Record<string, unknown>>();
      // Loaded only now: the other commands answer sooner without servers, engine and queues.
      const { up } = await import('../up/up.ts');
      await up({
        environment: commandEnvironment(flags),
        examples: flags.examples,
        keepBots: flags.keepBots === true,
        ...(flags.data === undefined ? {} : { dataDir: flags.data }),
      });
    });
}
