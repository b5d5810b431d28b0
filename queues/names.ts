import { z } from 'zod';

/** The queues of this service. All three handlers converge the same bot; the queue's name says why. */
export const QUEUES = ['start', 'stop', 'restart'] as const;
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

/**
 * How a job meets another of the same bot:
 * - `wish`: a change or a person; replaces what is delayed, and runs again right after what is active;
 * - `event`: something was seen on the engine, or a next attempt got its time; does the same, since what it finds delayed
 *   may be left from an older attempt. A processor itself sees to it that no event cuts a back-off short;
 * - `resync`: the periodic look; leaves everything alone.
 */
export type Urgency = 'wish' | 'event' | 'resync';
