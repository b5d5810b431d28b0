import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { readBacklog } from '../../../queues/backlog.ts';
import type { QueueName } from '../../../queues/names.ts';
import { NotFound } from '../errors.ts';

/** All queues of an installation, and the connection that they are reached by. */
export type OpenQueues = { redis: Redis; byName: Readonly<Record<QueueName, Queue>> };

export type JobDeps = {
  /** Rejects with `Unavailable` while Redis is away. */
  queues: () => Promise<OpenQueues>;
  /** Epoch milliseconds, as job timestamps are. */
  nowMs: () => number;
};

export type QueueView = {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  completed: number;
  /** Undefined: nothing waits. */
  oldestWaitingMs: number | undefined;
  workers: number;
  /** By an operator: nobody takes its jobs. */
  paused: boolean;
};

export async function listQueues({ queues, nowMs }: JobDeps): Promise<QueueView[]> {
  const { byName } = await queues();
  return Promise.all(Object.values(byName).map((queue) => queueView(queue, nowMs())));
}

async function queueView(queue: Queue, nowMs: number): Promise<QueueView> {
  const [{ jobs, ageSeconds, paused }, workers] = await Promise.all([
    readBacklog(queue, nowMs),
    queue.getWorkersCount(),
  ]);
  const waiting = jobs.waiting + jobs.prioritized;
  return {
    name: queue.name,
    waiting,
    active: jobs.active,
    delayed: jobs.delayed,
    failed: jobs.failed,
    completed: jobs.completed,
    oldestWaitingMs: waiting === 0 ? undefined : ageSeconds.waiting * 1000,
    workers,
    paused,
  };
}

/** @throws NotFound */
export function queueOf({ byName }: OpenQueues, name: string): Queue {
  if (!Object.hasOwn(byName, name)) throw new NotFound('queue', name, 'queue');
  return byName[name as QueueName];
}
