import type { Queue } from 'bullmq';
import { expect, it } from 'vitest';
import { jobsWait, LateQueues } from './jobs-wait.ts';

const BEGIN = Date.parse('2026-11-29T10:00:00Z');
const JOBS = 'capacity/installation//jobs';

/** A queue whose oldest job that waits was made at `since`; undefined: none waits. */
class Waiting {
  since: number | undefined;
  readonly name: string;

  constructor(name: string, since?: number) {
    this.name = name;
    this.since = since;
  }

  getJobCounts = () => Promise.resolve({ waiting: 1, prioritized: 0 });
  getJobs = ([state]: string[]) =>
    Promise.resolve(
      state === 'waiting' && this.since !== undefined ? [{ timestamp: this.since, opts: {} }] : [],
    );
  isPaused = () => Promise.resolve(false);
  toKey = (name: string) => name;
  backend = { client: Promise.resolve({ zrange: () => Promise.resolve([]) }) };
}

const looking = (...queues: Waiting[]) => {
  const deps = { queues: queues as unknown as Queue[], lateQueues: new LateQueues() };
  return async (afterMs: number): Promise<string> => {
    const { conditions, unknown } = await jobsWait(deps, BEGIN + afterMs);
    return conditions.map(({ why }) => why).join() || (unknown.has(JOBS) ? 'unknown' : 'none');
  };
};

it('a queue is told when it was late in every look for a minute, and not for a job that was given back once', async () => {
  const stop = new Waiting('stop');
  const start = new Waiting('start', BEGIN - 600_000);
  const look = looking(stop, start);
  expect(await look(0)).toBe('unknown');
  expect(await look(59_999)).toBe('unknown');
  start.since = undefined;
  expect(await look(65_000)).toBe('none');
  // Late again: its minute begins anew.
  start.since = BEGIN - 600_000;
  expect(await look(70_000)).toBe('unknown');
  stop.since = BEGIN;
  expect(await look(129_999)).toBe('unknown');
  expect(await look(130_000)).toMatch(/^Those of start \(1, the oldest for [^,]*\)\.$/);
});

it('runs that wait for their turn say nothing of processors', async () => {
  const look = looking(new Waiting('scheduled-run', BEGIN - 600_000));
  expect(await look(0)).toBe('none');
  expect(await look(120_000)).toBe('none');
});
