import type { Job, Queue } from 'bullmq';

/** `waiting`: those with a priority too. */
export const JOB_STATES = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A job as people see it: who and why. What else its data may hold, should somebody have put it there, is not shown. */
export type JobView = {
  id: string;
  queue: string;
  state: JobState;
  /** Bot, schedule or run; null: none. */
  subject: string | null;
  cause: string;
  attempts: number;
  createdAt: Date;
  /** Of a delayed one. */
  dueAt: Date | undefined;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  failedReason: string;
};

/** As long as what a job may hold. */
const MAX_SUBJECT = 1_200;
const MAX_CAUSE = 500;
const MAX_REASON = 1_000;

export function jobView(
  queue: Pick<Queue, 'name'>,
  job: Pick<Job, 'id' | 'attemptsMade' | 'timestamp' | 'processedOn' | 'finishedOn' | 'failedReason'> & {
    data: unknown;
  },
  state: JobState,
  dueAtMs?: number,
): JobView {
  const data = (typeof job.data === 'object' ? job.data : null) as Readonly<Record<string, unknown>> | null;
  return {
    id: job.id ?? '',
    queue: queue.name,
    state,
    subject:
      text(data?.['botId'], MAX_SUBJECT) ??
      text(data?.['runId'], MAX_SUBJECT) ??
      text(data?.['scheduleId'], MAX_SUBJECT),
    cause: text(data?.['cause'], MAX_CAUSE) ?? '',
    attempts: job.attemptsMade,
    createdAt: new Date(job.timestamp),
    dueAt: date(dueAtMs),
    startedAt: date(job.processedOn),
    endedAt: date(job.finishedOn),
    failedReason: text(job.failedReason, MAX_REASON) ?? '',
  };
}

const text = (value: unknown, most: number): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, most) : null;

/** BullMQ has null for what is not yet. */
const date = (ms: number | null | undefined): Date | undefined =>
  ms === undefined || ms === null ? undefined : new Date(ms);
