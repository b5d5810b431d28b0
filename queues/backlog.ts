import type { Job, Queue } from 'bullmq';
import { delayedScoreMs } from './delayed-score.ts';

const DEPTH_STATES = ['waiting', 'prioritized', 'delayed', 'active', 'failed', 'completed'] as const;

/**
 * How many jobs a queue has in each state, and how old the oldest is: of a delayed one, since its time came; 0: none.
 * `paused`: by an operator, and until that ends nobody takes a job from it.
 */
export type Backlog = {
  jobs: Record<(typeof DEPTH_STATES)[number], number>;
  ageSeconds: Record<'waiting' | 'delayed' | 'active', number>;
  paused: boolean;
};

export async function readBacklog(queue: Queue, nowMs: number): Promise<Backlog> {
  const [jobs, waiting, delayed, active, paused] = await Promise.all([
    queue.getJobCounts(...DEPTH_STATES),
    oldestWaiting(queue, nowMs),
    oldestDelay(queue, nowMs),
    oldestActive(queue, nowMs),
    queue.isPaused(),
  ]);
  return { jobs: jobs as Backlog['jobs'], ageSeconds: { waiting, delayed, active }, paused };
}

async function oldestActive(queue: Queue, nowMs: number): Promise<number> {
  const [oldest] = await queue.getJobs(['active'], 0, 0, true);
  if (oldest === undefined) return 0;
  return Math.max(0, nowMs - (oldest.processedOn ?? oldest.timestamp)) / 1000;
}

/** Of those with a priority and those without, the next to be taken; since its time came, if it had been delayed. */
async function oldestWaiting(queue: Queue, nowMs: number): Promise<number> {
  const next = await Promise.all([
    queue.getJobs(['waiting'], 0, 0, true),
    queue.getJobs(['prioritized'], 0, 0, true),
  ]);
  // What is taken between two looks is undefined, whatever its type says.
  const ages = next.flat().flatMap((job: Job | undefined) => {
    return job === undefined ? [] : [nowMs - job.timestamp - (job.opts.delay ?? 0)];
  });
  return Math.max(0, ...ages) / 1000;
}

/** Since the first of them was to be taken: an alarm of tomorrow is not a day late. */
async function oldestDelay(queue: Queue, nowMs: number): Promise<number> {
  const client = await queue.backend.client;
  const [, score] = await client.zrange(queue.toKey('delayed'), 0, 0, { WITHSCORES: true });
  if (score === undefined) return 0;
  return Math.max(0, nowMs - delayedScoreMs(Number(score))) / 1000;
}
