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

/** One waiting and one active job per bot and queue at most. */
export function deduplication(botId: string, urgency: Urgency): DeduplicationOptions {
  switch (urgency) {
    case 'wish':
    case 'event':
      return { id: botId, keepLastIfActive: true, replace: true };
    case 'resync':
      return { id: botId };
  }
}
