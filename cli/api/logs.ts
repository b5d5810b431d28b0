import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../../producers/control/errors.ts';
import { logService } from '../../producers/control/api/log-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import { LogRooms } from '../../producers/control/logs/rooms.ts';
import { StoredLog } from '../../producers/control/logs/stored-log.ts';
import type { ApiConnections } from './connections.ts';

/** How long readers wait for the newest lines to be saved. */
const SAVED_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 50;

/** What bots, schedules and runs printed. */
export function logs(connections: ApiConnections): NonNullable<ApiServices['logs']> {
  const { settings, collections, s3, nats } = connections;
  return logService({
    collections,
    logOf: (id) => new StoredLog({ store: s3, bucket: settings.S3_LOG_BUCKET, id }),
    rooms: new LogRooms({ nats, save: (id, signal) => save(connections, id, signal) }),
  });
}

/** Has a processor save what was printed by now. Gives why that may not be done; it is only the newest lines that may be missing. */
async function save(
  { queues }: Pick<ApiConnections, 'queues'>,
  botId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { data } = await queues();
    const queue = data.byName['log-flush'];
    await data.add([{ queue: 'log-flush', job: { botId, cause: 'somebody follows it' } }]);
    const jobId = await queue.getDeduplicationJobId(botId);
    const deadline = performance.now() + SAVED_WITHIN_MS;
    // Without a job, it was done before it could be looked up.
    while (jobId !== null) {
      const state = await queue.getJobState(jobId);
      if (state === 'completed' || state === 'unknown') return undefined;
      if (state === 'failed' || performance.now() > deadline)
        return 'no processor has saved them yet, which happens within a minute or so.';
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Unavailable ? error.message : 'Redis does not answer.';
  }
}
