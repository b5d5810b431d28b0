import type { Redis } from 'ioredis';
import type { Logger } from '../../infra/logger.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { sweepJobSchema, type QueueName } from '../../queues/names.ts';
import { JobWorker, type RoleWorker } from '../job-worker.ts';
import type { Standby } from '../standby.ts';
import type { EngineSweep } from './engine-sweep.ts';

export type SweepWorkerOptions = {
  sweep: Pick<EngineSweep, 'run'>;
  installation: string;
  /** Of this worker alone: it blocks on it. */
  connection: Redis;
  standby?: Standby;
  log: Logger;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** Takes sweeps off `engine-sweep`, one at a time. What was found is the job's return value, as JSON. */
export function createSweepWorker(options: SweepWorkerOptions): RoleWorker {
  const { sweep, installation, connection, standby, log, onOutcome, onError } = options;
  return new JobWorker({
    queue: 'engine-sweep',
    connection,
    installation,
    concurrency: 1,
    schema: sweepJobSchema,
    handle: async (_job, { data, signal }) => {
      const found = await sweep.run({ dryRun: data.dryRun, confirmed: new Set(data.confirmed), signal });
      return { kind: 'done', outcome: 'succeeded', reason: JSON.stringify(found) };
    },
    ...(standby === undefined ? {} : { standby }),
    log,
    onOutcome,
    onError,
  });
}
