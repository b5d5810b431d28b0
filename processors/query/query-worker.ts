import type { Redis } from 'ioredis';
import { keepClosed } from '../../infra/engine/egress/index.ts';
import type { Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { queryJobSchema, type QueueName } from '../../queues/names.ts';
import { JobWorker, type RoleWorker } from '../job-worker.ts';
import type { LauncherDeps } from '../launch.ts';
import { Semaphore } from '../semaphore.ts';
import type { Standby } from '../standby.ts';
import type { QueryContext } from './context.ts';
import { readyContainer } from './ready.ts';
import { QueryRecords } from './records.ts';
import { answerSingle } from './single.ts';

export type QueryDepsOptions = {
  /** What the bots' launcher gets. */
  launching: LauncherDeps;
  collections: Pick<Collections, 'bots' | 'schedules' | 'queryContainers' | 'queryRequests'>;
  /** Epoch milliseconds; default the system's. */
  now?: () => number;
  log: Logger;
};

export type QueryWorkerOptions = QueryDepsOptions & {
  /** Of this worker alone: it blocks on it. */
  connection: Redis;
  /** Jobs at once: most of them only wait; `launching.slots` protects the engine. */
  concurrency: number;
  standby?: Standby;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** Takes jobs off `query`. */
export function createQueryWorker(options: QueryWorkerOptions): RoleWorker {
  const { connection, concurrency, standby, log, onOutcome, onError } = options;
  const context = queryContext(options);
  return new JobWorker({
    queue: 'query',
    connection,
    installation: options.launching.engine.installation,
    concurrency,
    schema: queryJobSchema,
    handle: (_job, { data, signal }) =>
      data.request === undefined
        ? readyContainer(context, data.botId, signal)
        : answerSingle(context, data.request, signal),
    ...(standby === undefined ? {} : { standby }),
    log,
    onOutcome,
    onError,
  });
}

/** What query jobs and the sweep work with, in this process. */
export function queryContext({
  launching,
  collections,
  log,
  now = Date.now,
}: QueryDepsOptions): QueryContext {
  const { settings, engine } = launching;
  return {
    launching,
    records: new QueryRecords({ stores: collections, now }),
    close:
      settings.EGRESS_FILTER === 'off'
        ? () => Promise.resolve()
        : keepClosed({ installation: engine.installation, log }),
    room: { line: new Semaphore(1), taken: new Set() },
    now,
    log,
  };
}
