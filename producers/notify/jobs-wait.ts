import type { Queue } from 'bullmq';
import { within } from '../../infra/within.ts';
import { durationText } from '../../model/duration.ts';
import { conditionKey, type Condition } from '../../model/notifications.ts';
import { readBacklog } from '../../queues/backlog.ts';
import type { QueueName } from '../../queues/names.ts';
import { INSTALLATION } from './conditions.ts';

/** What waits for so long waits too long; a queue is late once it has been so for as long. */
const WAITS_TOO_LONG_MS = 60_000;
const REDIS_ANSWERS_WITHIN_MS = 2_000;
/** Its jobs wait by design, for their turn under RUNS_AT_ONCE: the runs themselves tell when that takes too long. */
const WAITS_BY_DESIGN: QueueName = 'scheduled-run';
const JOBS_WAIT = { kind: 'capacity', part: 'jobs', subject: INSTALLATION } as const;

export type JobsWaitDeps = { queues: readonly Queue[]; lateQueues: LateQueues };

/** `unknown`: names of those that may be there although they are not among `conditions`. */
export type JobsWait = { conditions: Condition[]; unknown: ReadonlySet<string> };

/**
 * Since when each queue has been found late. A job that a processor gave back as it stopped is as old as it ever was: one
 * late look says nothing.
 */
export class LateQueues {
  readonly #since = new Map<string, number>();

  /** Takes in which ones are late in this look; gives those that were in every look for a minute. Epoch milliseconds. */
  lasting(late: readonly string[], nowMs: number): ReadonlySet<string> {
    for (const name of this.#since.keys()) if (!late.includes(name)) this.#since.delete(name);
    for (const name of late) if (!this.#since.has(name)) this.#since.set(name, nowMs);
    return new Set(late.filter((name) => nowMs - (this.#since.get(name) ?? nowMs) >= WAITS_TOO_LONG_MS));
  }
}

/** Whether jobs wait for processors. While Redis, which alone knows, is away, and until a late queue has lasted, it is unknown. */
export async function jobsWait({ queues, lateQueues }: JobsWaitDeps, nowMs: number): Promise<JobsWait> {
  const late = await within(REDIS_ANSWERS_WITHIN_MS, lateOf(queues, nowMs)).catch(() => undefined);
  const lasting = lateQueues.lasting(late?.map(({ name }) => name) ?? [], nowMs);
  const told = late?.filter(({ name }) => lasting.has(name)) ?? [];
  const [worst] = told;
  if (worst === undefined)
    return { conditions: [], unknown: new Set(late?.length === 0 ? [] : [conditionKey(JOBS_WAIT)]) };
  const names = told.map(
    ({ name, count, ageMs }) => `${name} (${count}, the oldest for ${durationText(ageMs)})`,
  );
  const condition: Condition = {
    ...JOBS_WAIT,
    since: new Date(nowMs - worst.ageMs),
    what: 'Jobs wait for longer than a minute: there are too few processors, or none',
    why: `Those of ${names.join(', ')}.`,
    todo: [
      'See whether processors run and are ready: the0-runtime doctor',
      'Start more processors, or raise ENGINE_CONCURRENCY and QUEUE_CONCURRENCY where the machine has room',
    ],
  };
  return { conditions: [condition], unknown: new Set() };
}

/** Queues of which a job has waited too long, the worst first. */
async function lateOf(
  queues: readonly Queue[],
  nowMs: number,
): Promise<{ name: string; count: number; ageMs: number }[]> {
  const all = await Promise.all(
    queues
      .filter(({ name }) => name !== WAITS_BY_DESIGN)
      .map(async (queue) => {
        const { jobs, ageSeconds } = await readBacklog(queue, nowMs);
        const count = jobs.waiting + jobs.prioritized;
        return { name: queue.name, count, ageMs: Math.max(ageSeconds.waiting, ageSeconds.delayed) * 1_000 };
      }),
  );
  return all.filter(({ ageMs }) => ageMs > WAITS_TOO_LONG_MS).sort((one, other) => other.ageMs - one.ageMs);
}
