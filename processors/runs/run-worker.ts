import type { Redis } from 'ioredis';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { FinalRunState } from '../../model/runs.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { runJobSchema, type QueueName } from '../../queues/names.ts';
import { JobWorker, type RoleWorker } from '../job-worker.ts';
import type { LauncherDeps } from '../launch.ts';
import type { Standby } from '../standby.ts';
import { CancelWatch } from './cancel-watch.ts';
import { WatchPriority } from './watch-priority.ts';
import { executeRun } from './execute.ts';
import { Lines } from './line.ts';
import type { RunDeps, RunQueue } from './pass.ts';
import { RunRecords } from './record.ts';
import { ScheduleReader } from './schedules.ts';

export type { RunQueue } from './pass.ts';

export type RunDepsOptions = {
  /** What the bots' launcher gets. */
  launching: LauncherDeps;
  collections: Pick<Collections, 'runs' | 'schedules' | 'holds' | 'scheduleStatus'>;
  queues: RunQueue;
  operator: ScheduleOperator;
  /** Names this process in records. */
  owner: string;
  /** The trusted clock, epoch milliseconds. */
  now: () => number;
  log: Logger;
  /** A run got its final state here. */
  onRunEnded?: (state: FinalRunState) => void;
};

export type RunWorkerOptions = RunDepsOptions & {
  /** Of this worker alone: it blocks on it. */
  connection: Redis;
  /** Runs at once in this process; they only wait here, `launching.slots` protects the engine. */
  concurrency: number;
  standby?: Standby;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** Takes runs off `scheduled-run`. Its stop takes no new run and hands those in hand back: their containers run on. */
export function createRunWorker(options: RunWorkerOptions): RoleWorker {
  const { connection, concurrency, standby, log, onOutcome, onError } = options;
  const deps = runDeps(options);
  return new JobWorker({
    queue: 'scheduled-run',
    connection,
    installation: options.launching.engine.installation,
    concurrency,
    schema: runJobSchema,
    handle: async (job, { data, signal, away }) => {
      const leave = away === undefined ? signal : AbortSignal.any([signal, away]);
      const priority = new WatchPriority(job);
      const result = await executeRun(deps, data, leave, () => priority.raise());
      if (result.kind === 'again') await priority.leave(leave.aborted);
      return result;
    },
    ...(standby === undefined ? {} : { standby }),
    log,
    onOutcome,
    onError,
  });
}

/** What `executeRun` works with, in this process. */
export function runDeps(options: RunDepsOptions): RunDeps {
  const { launching, collections, log } = options;
  const { settings } = launching;
  return {
    engine: launching.engine,
    launching,
    records: new RunRecords({ runs: collections.runs, now: options.now }),
    schedules: new ScheduleReader(collections),
    lines: new Lines(collections.scheduleStatus),
    cancels: new CancelWatch({ runs: collections.runs }),
    queues: options.queues,
    operator: options.operator,
    owner: options.owner,
    policy: {
      stopGraceMs: settings.STOP_GRACE,
      lastOutputLines: settings.LAST_OUTPUT_LINES,
      resultMaxKb: settings.RUN_RESULT_KB,
      backoff: { firstMs: settings.BACKOFF_FIRST, maxMs: settings.BACKOFF_MAX },
    },
    clock: { now: options.now, monotonicMs: () => performance.now(), random: Math.random },
    engineOutage: new OutageLog(log, 'The container engine, to watch runs'),
    log,
    onRunEnded: options.onRunEnded ?? (() => undefined),
  };
}
