import { InvalidArgumentError, type Command } from 'commander';
import { QUEUES, type QueueName } from '../../queues/names.ts';
import { findTarget } from '../target.ts';

type Flags = { queues: readonly QueueName[] };

export function processorCommand(program: Command): void {
  program
    .command('processor')
    .description('takes jobs off queues and acts on the container engine; as many as the load needs')
    .option('--queues <names>', `comma-separated: ${QUEUES.join(', ')}`, parseQueues, [
      ...QUEUES,
    ] as QueueName[])
    .option('--concurrency <jobs>', 'jobs at once per queue (QUEUE_CONCURRENCY)')
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
          startProcessor(context, { queues: flags.queues, concurrency: settings.QUEUE_CONCURRENCY }),
      );
    });
}

function parseQueues(text: string): QueueName[] {
  const names = [
    ...new Set(
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    ),
  ];
  const known = names.filter((name): name is QueueName => (QUEUES as readonly string[]).includes(name));
  const [unknown] = names.filter((name) => !(known as string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `There is no queue ${JSON.stringify(unknown)}; there are ${QUEUES.join(', ')}.`,
    );
  if (known.length === 0) throw new InvalidArgumentError(`Name at least one of ${QUEUES.join(', ')}.`);
  return known;
}
