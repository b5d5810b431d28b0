import type { Command } from 'commander';
import { QUEUES, type QueueName } from '../../queues/names.ts';
import { findTarget } from '../target.ts';
import { wordsOf } from './flags.ts';

type Flags = { queues: readonly QueueName[]; planning?: boolean };

export function processorCommand(program: Command): void {
  program
    .command('processor')
    .description('takes jobs off queues and acts on the container engine; as many as the load needs')
    .option('--queues <names>', `comma-separated: ${QUEUES.join(', ')}`, wordsOf('queue', QUEUES), [
      ...QUEUES,
    ] as QueueName[])
    .option(
      '--concurrency <jobs>',
      'jobs at once per queue (QUEUE_CONCURRENCY); runs have their own limit (RUNS_AT_ONCE)',
    )
    .option(
      '--planning',
      'also observes the engine and plans bots, for bot-runners that run --without-processing',
    )
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const { settings, environment } = findTarget(flags);
      // Loaded only now, so that the other commands answer sooner.
      const [{ runRole }, { startProcessor }] = await Promise.all([
        import('../run-role.ts'),
        import('../roles/processor.ts'),
      ]);
      await runRole(
        {
          service: 'processor',
          settings,
          environment,
          healthPort: settings.PROCESSOR_HEALTH_PORT,
          healthPortSetting: 'PROCESSOR_HEALTH_PORT',
        },
        (context) =>
          startProcessor(context, {
            queues: flags.queues,
            concurrency: settings.QUEUE_CONCURRENCY,
            planning: flags.planning === true,
          }),
      );
    });
}
