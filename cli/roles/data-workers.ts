import type { RoleWorker } from '../../processors/job-worker.ts';
import { createLogFlushWorker } from '../../processors/logs/flush-worker.ts';
import { createStateSyncWorker } from '../../processors/state/watch-sync-worker.ts';
import type { QueueName } from '../../queues/names.ts';
import type { KeepingParts } from './keeping.ts';
import type { ScheduleWorking } from './schedule-workers.ts';
import type { Services } from './services.ts';

/** Each holds some megabytes, or reads a volume. */
const FLUSHES_AT_ONCE = 4;
const SAVES_AT_ONCE = 2;

/** Save what bots print, and their state. */
export function dataWorkers(
  { context, services, standby }: ScheduleWorking,
  queues: readonly QueueName[],
  { state, logs }: KeepingParts,
): RoleWorker[] {
  const { settings, log } = context;
  const common = {
    installation: settings.INSTALLATION,
    standby,
    log,
    onOutcome: services.queueMetrics.count.bind(services.queueMetrics),
    onError: () => {
      // The connection's own outage log has said it; without a listener the process would die of it.
    },
  };
  const workers: RoleWorker[] = [];
  if (queues.includes('log-flush'))
    workers.push(
      createLogFlushWorker({
        ...common,
        connection: services.workerRedis(),
        concurrency: FLUSHES_AT_ONCE,
        keeper: { flush: async (id, signal) => (await logs()).flush(id, signal) },
      }),
    );
  if (queues.includes('state-sync'))
    workers.push(
      createStateSyncWorker({
        ...common,
        connection: services.workerRedis(),
        concurrency: SAVES_AT_ONCE,
        state,
        states: services.collections.botState,
        onProblems: (botId) => sayInStatus(services, botId),
        saveEveryMs: settings.STATE_SAVE_INTERVAL,
      }),
    );
  return workers;
}

/** A pass over the bot reads what is to be said; schedules have no such status. */
async function sayInStatus({ collections, queues }: Services, botId: string): Promise<void> {
  if ((await collections.bots.findOne({ id: botId }, { projection: { _id: 1 } })) === null) return;
  const cause = 'what can be saved of its state is other than before';
  await queues.add([{ queue: 'start', job: { botId, cause }, urgency: 'event' }]);
}
