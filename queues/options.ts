import type { DeduplicationOptions, JobsOptions, WorkerOptions } from 'bullmq';
import type { Urgency } from './names.ts';

/** Everything about retries, retention and takeover in one place. Ages are seconds, the rest milliseconds. */

/**
 * A processor that dies must be succeeded within 10 s: its job lock lapses after 4 s, and a check every second looks for
 * such jobs (twice in the worst case). Being taken over is no fault of the job, so the count of stalls is no limit.
 */
export const TAKEOVER = {
  lockDuration: 4_000,
  lockRenewTime: 1_500,
  stalledInterval: 1_000,
  maxStalledCount: 1_000_000,
} as const satisfies Partial<WorkerOptions>;

/** Between tries when a handler fails unexpectedly (MongoDB away, say). Bots' own back-off is not this: it is in their status. */
export const UNEXPECTED_RETRY = { firstMs: 500, maxMs: 10_000 } as const;

const HOUR = 3600;

export const JOB_OPTIONS: JobsOptions = {
  attempts: 1_000_000_000,
  backoff: { type: 'custom' },
  // By number alone: an age as well would cost Redis a fifth of what a whole job costs it.
  removeOnComplete: { count: 1_000 },
  removeOnFail: { age: 7 * 24 * HOUR, count: 10_000 },
  stackTraceLimit: 5,
};

/**
 * One waiting and one active job per bot (or run) and queue at most. What just happened is not lost on a job that is active,
 * which may have looked just before, nor on one that is delayed; handlers themselves see to it that no delay is cut short
 * that should not be.
 */
export function deduplication(id: string, urgency: Urgency): DeduplicationOptions {
  switch (urgency) {
    case 'wish':
    case 'event':
      return { id, keepLastIfActive: true, replace: true };
    case 'resync':
      return { id };
  }
}

/**
 * An alarm only wakes a handler that looks for itself, and a sweep wakes it again: so it is tried a few times over some
 * seconds, not for ever, and nothing piles up while MongoDB is away. A completed one goes at once: left over, it would
 * stand in the way of the alarm of the same moment, should the clock be set back.
 */
export const TICK_JOB_OPTIONS: JobsOptions = {
  attempts: 3,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: { age: 24 * HOUR, count: 100 },
  stackTraceLimit: 5,
};

export const RUN_JOB_OPTIONS: JobsOptions = {
  ...JOB_OPTIONS,
  removeOnComplete: { count: 500 },
};

/** What surrounds a bot is asked for again and again, so little of it is kept. */
export const DATA_JOB_OPTIONS: JobsOptions = {
  attempts: 20,
  backoff: { type: 'custom' },
  removeOnComplete: { count: 200 },
  removeOnFail: { age: 24 * HOUR, count: 1_000 },
  stackTraceLimit: 5,
};

/** Of the calls for what is overdue: one waits at most, whichever schedule it names. */
export const OVERDUE_CALL = 'overdue';

/** Most that the place in a schedule's line counts for: beyond it, order in the queue is that of arrival. */
export const MAX_RANK = 1_000;
