import type { Command } from 'commander';
import { withMongo } from '../connections.ts';
import { deletedPayload, subjectOf } from '../deploy/event.ts';
import { findKnown } from '../deploy/known.ts';
import { notFound } from '../errors.ts';
import { findTarget } from '../target.ts';
import { IdArgument } from './id-argument.ts';

type Flags = { json?: boolean };

export function undeployCommand(program: Command): void {
  program
    .command('undeploy')
    .description('delete a bot, realtime or scheduled, as the platform does')
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .option('--json', 'print what was done as JSON')
    .action(async (id: string, _flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const { publish } = await import('../deploy/deploy.ts');
      const target = findTarget(flags);
      const known = await withMongo(target, (all) => findKnown(all, id));
      if (known === undefined) throw notFound('bot', id);
      await publish(target, subjectOf(known.type, 'deleted'), deletedPayload(id, known.config));
      const outcome =
        known.type === 'scheduled'
          ? 'it ticks no more once the event arrives; a run that is on goes on'
          : 'its container is stopped as soon as the event arrives';
      console.log(
        flags.json === true ? JSON.stringify({ id, event: 'deleted' }) : `deleted ${id}; ${outcome}`,
      );
    });
}
