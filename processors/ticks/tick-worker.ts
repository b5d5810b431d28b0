import type { Job, JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { TrustedClock } from '../../infra/clock.ts';
import type { Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { timingOf } from '../../model/cron/parse.ts';
import { tickJobSchema, type QueueName, type TickJob } from '../../queues/names.ts';
import type { Outcome } from '../../queues/metrics.ts';
import { repeatSettings } from '../../queues/schedule-queues.ts';
import { JobWorker, type HandlerContext, type HandlerResult } from '../job-worker.ts';
import type { Standby } from '../standby.ts';
import type { DueBook } from './due-book.ts';

/**
 * An alarm that rings so much too early waits for its time: hosts' clocks differ a little. One that rings even earlier was
 * set off by a clock that is plainly wrong: it is dropped, and who looks for overdue schedules sees to its tick.
 */
const EARLY_MS = 2_000;

export type TickWorkerOptions = {
  connection: Redis;
  installation: string;
  concurrency: number;
  book: Pick<DueBook, 'handleDue' | 'stop'>;
  clock: Pick<TrustedClock, 'now'>;
  standby?: Standby;
  log: Logger;
  onOutcome: (queue: QueueName, outcome: Outcome) => void;
  onError: (queue: QueueName, error: Error) => void;
};

/** Takes the alarms of schedules. Whose alarm it is makes no difference: each is a reason to handle all that is due. */
export class TickWorker extends JobWorker<TickJob> {
  readonly #book: Pick<DueBook, 'stop'>;

  constructor(options: TickWorkerOptions) {
    const { book, clock, ...rest } = options;
    super({
      ...rest,
      queue: 'schedule-tick',
      schema: tickJobSchema,
      settings: repeatSettings(),
      handle: (job, context) => handleAlarm({ book, clock }, job, context),
    });
    this.#book = book;
  }

  override async stop(deadlineMs: number): Promise<void> {
    this.#book.stop();
    await super.stop(deadlineMs);
  }
}

type AlarmJob = Pick<Job<TickJob>, 'opts' | 'repeatJobKey'>;

/** Exported for its test. */
export async function handleAlarm(
  { book, clock }: Pick<TickWorkerOptions, 'clock'> & { book: Pick<DueBook, 'handleDue'> },
  job: AlarmJob,
  { signal }: Pick<HandlerContext<TickJob>, 'signal'>,
): Promise<HandlerResult> {
  const nominalMs = nominalOf(job);
  if (nominalMs !== undefined && nominalMs - clock.now() <= EARLY_MS)
    for (let earlyMs = nominalMs - clock.now(); earlyMs > 0; earlyMs = nominalMs - clock.now()) {
      await pause(Math.ceil(earlyMs), signal);
      if (signal.aborted) return { kind: 'again', afterMs: 0 };
    }
  const pass = await book.handleDue();
  if (pass.stopped) return { kind: 'again', afterMs: 0 };
  return { kind: 'done', outcome: 'succeeded', reason: 'All that was due is recorded.' };
}

/** The nominal time that an alarm of a job scheduler is for: alarms may be set to ring a little ahead of it. */
function nominalOf({ repeatJobKey, opts }: AlarmJob): number | undefined {
  if (repeatJobKey === undefined) return undefined;
  const { prevMillis: ringsMs, repeat } = opts as JobsOptions & { repeat?: { pattern?: string } };
  if (ringsMs === undefined || repeat?.pattern === undefined) return undefined;
  return timingOf(repeat.pattern).next(ringsMs - 1);
}
