import { JobState, type Job, type Queue } from '../../proto/gen/the0/runtime/v1/queues_pb.js';
import { JOB_STATES, type JobState as JobWord } from '../../producers/control/jobs/view.ts';
import { msOf, wordsOf } from '../../producers/control/api/wire.ts';
import { iso, text } from '../client/views/fields.ts';

export const jobStates = wordsOf(JOB_STATES, JobState);

/** A queue as `queues --json` shows it. */
export type QueueView = {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  completed: number;
  oldestWaitingMs: number | null;
  workers: number;
  paused: boolean;
};

export const queueView = (queue: Queue): QueueView => ({
  name: queue.name,
  waiting: Number(queue.waiting),
  active: Number(queue.active),
  delayed: Number(queue.delayed),
  failed: Number(queue.failed),
  completed: Number(queue.completed),
  oldestWaitingMs: msOf(queue.oldestWaiting) ?? null,
  workers: queue.workers,
  paused: queue.paused,
});

/** A job as `queues jobs --json` shows it. */
export type JobView = {
  id: string;
  queue: string;
  state: JobWord;
  subject: string | null;
  cause: string;
  attempts: number;
  createdAt: string | null;
  dueAt: string | null;
  startedAt: string | null;
  endedAt: string | null;
  failedReason: string | null;
};

export const jobView = (job: Job): JobView => ({
  id: job.id,
  queue: job.queue,
  state: jobStates.words([job.state])[0] ?? 'waiting',
  subject: text(job.subject),
  cause: job.cause,
  attempts: job.attempts,
  createdAt: iso(job.createdAt),
  dueAt: iso(job.dueAt),
  startedAt: iso(job.startedAt),
  endedAt: iso(job.endedAt),
  failedReason: text(job.failedReason),
});
