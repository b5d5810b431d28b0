import type { Redis } from 'ioredis';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { ConditionFailed, S3Error } from '../../infra/s3/errors.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { dataJobSchema, type QueueName } from '../../queues/names.ts';
import { JobWorker, type RoleWorker } from '../job-worker.ts';
import type { Standby } from '../standby.ts';
import type { LogKeeper } from './keeper.ts';

export type LogFlushWorkerOptions = {
  keeper: Pick<LogKeeper, 'flush'>;
  /** Of this worker alone: it blocks on it. */
  connection: Redis;
  installation: string;
  /** Flushes at once in this process: each holds some megabytes. */
  concurrency: number;
  /** How long a flush may take: an engine that falls silent in the middle must not keep a place for ever. */
  timeoutMs?: number;
  standby?: Standby;
  log: Logger;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** While S3 is away, output waits in the engine; it is saved at the latest so long after S3 is back. */
const AGAIN_MS = 3_000;
const TIMEOUT_MS = 5 * 60_000;

/** Takes jobs off `log-flush`. */
export function createLogFlushWorker(options: LogFlushWorkerOptions): RoleWorker {
  const { keeper, connection, installation, concurrency, standby, log, onOutcome, onError } = options;
  const { timeoutMs = TIMEOUT_MS } = options;
  const storage = new OutageLog(log, 'Object storage, to save logs');
  return new JobWorker({
    queue: 'log-flush',
    connection,
    installation,
    concurrency,
    schema: dataJobSchema,
    handle: async (_job, { data, signal, away }) => {
      const leave = away === undefined ? signal : AbortSignal.any([signal, away]);
      const late = AbortSignal.timeout(timeoutMs);
      try {
        const { bytes } = await keeper.flush(data.botId, AbortSignal.any([leave, late]));
        storage.recovered();
        return { kind: 'done', outcome: 'succeeded', reason: `saved ${bytes} bytes` };
      } catch (error) {
        if (leave.aborted) return { kind: 'again', afterMs: 0 };
        // What was written until then stays: the next one goes on behind it.
        if (late.aborted) {
          log.warn(
            { botId: data.botId, afterMs: timeoutMs },
            'Saving a log took too long, and is begun anew',
          );
          return { kind: 'again', afterMs: AGAIN_MS, outcome: 'deferred' };
        }
        // Others save it: nothing is wrong with the storage.
        if (error instanceof ConditionFailed)
          return { kind: 'again', afterMs: AGAIN_MS, outcome: 'deferred' };
        if (!(error instanceof S3Error)) throw error;
        storage.failed(error, { botId: data.botId });
        return { kind: 'again', afterMs: AGAIN_MS, outcome: 'deferred' };
      }
    },
    ...(standby === undefined ? {} : { standby }),
    log,
    onOutcome,
    onError,
  });
}
