import type { BotDocument } from './bots.ts';

/** `bot_scheduler.bot_schedules`, less MongoDB's `_id`: a bot document (contract §3.2), run by cron. */
export type ScheduleDocument = BotDocument & {
  /** Unix seconds of the next nominal time; others read it. Written only by us. */
  next_execution_time?: number;
};

/** What becomes of nominal times that nobody handled in time (`config.misfire`). */
export const MISFIRE_POLICIES = ['skip', 'fire-once', 'fire-all'] as const;
export type Misfire = {
  policy: (typeof MISFIRE_POLICIES)[number];
  /** `fire-all`: of the missed times, at most this many newest ones run. 1 for `fire-once`, 0 for `skip`. */
  max: number;
  /** A missed time older than this is skipped whatever the policy says. Milliseconds. */
  windowMs: number;
};

/** What becomes of a tick while an earlier run of the same schedule is not over (`config.overlap`). */
export const OVERLAP_POLICIES = ['forbid', 'queue-one', 'replace', 'allow'] as const;
export type Overlap = {
  policy: (typeof OVERLAP_POLICIES)[number];
  /** Runs of the schedule at once: 1 but for `allow`. */
  max: number;
};

/** Everything a schedule's config says about when and how it runs, checked and completed from the operator's settings. */
export type SchedulePolicy = {
  /** As the owner wrote it, trimmed, without a `CRON_TZ=` prefix. */
  cron: string;
  /** IANA zone. */
  zone: string;
  misfire: Misfire;
  overlap: Overlap;
  /** From the start of an attempt's container to its SIGTERM. Milliseconds. */
  timeoutMs: number;
  /** Further attempts after one that failed or timed out. */
  retries: number;
  /** Delay before the first further attempt; doubles. Milliseconds. */
  retryDelayMs: number;
  /** A run is due so much after its nominal time at most, at random. Milliseconds. */
  jitterMs: number;
};
