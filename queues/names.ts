import { z } from 'zod';

/** The queues of long-lived bots. All three handlers converge the same bot; the queue's name says why. */
export const BOT_QUEUES = ['start', 'stop', 'restart'] as const;
export type BotQueueName = (typeof BOT_QUEUES)[number];

/** The queues of schedules: the alarm of each, and the runs. */
export const SCHEDULE_QUEUES = ['schedule-tick', 'scheduled-run'] as const;
export type ScheduleQueueName = (typeof SCHEDULE_QUEUES)[number];

/** The queues of what surrounds a bot: its output, its state, its queries, and what is swept from the engine. */
export const DATA_QUEUES = ['log-flush', 'state-sync', 'query', 'engine-sweep'] as const;
export type DataQueueName = (typeof DATA_QUEUES)[number];

export const QUEUES = [...BOT_QUEUES, ...SCHEDULE_QUEUES, ...DATA_QUEUES] as const;
export type QueueName = (typeof QUEUES)[number];

/** Longer causes are cut: a job must not fail for the length of somebody's explanation. */
export const MAX_CAUSE = 500;

/** Jobs say who and why, never what: the processor reads the desired state when it runs, and no secret is in Redis. */
export const botJobSchema = z.strictObject({
  botId: z.string().min(1).max(1024),
  /** In plain words. */
  cause: z.string().max(MAX_CAUSE),
  /** W3C trace context of what led to this job. */
  traceparent: z.string().max(128).optional(),
});
export type BotJob = z.output<typeof botJobSchema>;

/** An alarm: something is due. Which nominal times, the handler works out for itself. */
export const tickJobSchema = z.strictObject({
  scheduleId: z.string().min(1).max(1024),
  cause: z.string().max(MAX_CAUSE),
  traceparent: z.string().max(128).optional(),
});
export type TickJob = z.output<typeof tickJobSchema>;

export const runJobSchema = z.strictObject({
  /** `model/runs.ts`. */
  runId: z.string().min(1).max(1200),
  cause: z.string().max(MAX_CAUSE),
  traceparent: z.string().max(128).optional(),
});
export type RunJob = z.output<typeof runJobSchema>;

/** Save the output of a bot (or schedule), look at its state, get its query container ready: `botId` names either kind. */
export const dataJobSchema = z.strictObject({
  botId: z.string().min(1).max(1024),
  cause: z.string().max(MAX_CAUSE),
  traceparent: z.string().max(128).optional(),
});
export type DataJob = z.output<typeof dataJobSchema>;

/** Get a bot's query container ready; with `request`, run its query program once, for that query. */
export const queryJobSchema = dataJobSchema.extend({ request: z.string().min(1).max(64).optional() });
export type QueryJob = z.output<typeof queryJobSchema>;

/** A sweep of what is left on the engine. */
export const sweepJobSchema = z.strictObject({
  cause: z.string().max(MAX_CAUSE),
  /** Only tell what would go. The answer is the job's return value. */
  dryRun: z.boolean(),
  /** Bots and schedules that a person has seen in a dry run: what is left of them goes, whatever share of all it is. */
  confirmed: z.array(z.string().min(1).max(1024)).optional(),
});
export type SweepJob = z.output<typeof sweepJobSchema>;

/**
 * How a job meets another of the same bot, or of the same run:
 * - `wish`: a change or a person; replaces what is delayed, and runs again right after what is active;
 * - `event`: something was seen on the engine, or a next attempt got its time; does the same, since what it finds delayed
 *   may be left from an older attempt. A processor itself sees to it that no event cuts a back-off short, or a jitter;
 * - `resync`: the periodic look; leaves everything alone.
 */
export type Urgency = 'wish' | 'event' | 'resync';
