import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { Run, RunState } from '../../model/runs.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});

it('a processor that stops hands its runs back: their containers run on, and the next one watches before it starts others', async () => {
  const queue = world.services.scheduleQueues;
  const first = world.worker({ owner: 'first' });
  const runId = await world.run(await world.schedule());
  const name = await world.untilUp(runId);
  const before = await world.untilRun(runId, ({ state }) => state === 'running');
  await first.stop(5_000);
  expect((await world.container(runId))?.state).toBe('running');
  expect((await world.record(runId)).state).toBe('running');
  const [job] = await queue.runs.getJobs(['delayed', 'waiting', 'prioritized']);
  expect(job).toMatchObject({ data: { runId }, priority: 0 });

  // One after the other: the only place that is free goes to the one that was queued first.
  const others = [await world.run(await world.schedule()), await world.run(await world.schedule())];
  world.worker({ owner: 'second', concurrency: 1 });
  await world.untilRun(runId, ({ processor }) => processor?.startsWith('second/') ?? false);
  for (const other of others) expect((await world.record(other)).state).toBe('queued');
  await engine.control.exit(name, 4);
  const run = await world.untilRun(runId, ({ state }) => state === 'failed');
  expect(run).toMatchObject({ containerId: before.containerId, startedAt: before.startedAt, exitCode: 4 });
  for (const other of others) await engine.control.exit(await world.untilUp(other), 0);
  await until(async () => (await world.services.collections.runs.countDocuments({ open: true })) === 0);
});

it('a run whose job is lost with Redis’ data, and queued again, is watched on and not doubled', async () => {
  const queue = world.services.scheduleQueues;
  world.worker({ owner: 'third' });
  const scheduleId = await world.schedule();
  const runId = await world.run(scheduleId);
  const name = await world.untilUp(runId);
  await world.untilRun(runId, ({ state }) => state === 'running');
  const before = await world.record(runId);
  await queue.runs.obliterate({ force: true });
  await queue.addRuns([{ runId, cause: 'open, and without a job' }]);
  await world.untilRun(runId, ({ processor }) => processor !== before.processor);
  await engine.control.exit(name, 0);
  expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  const started = (await engine.control.ledger()).filter(
    (entry) => entry.botId === scheduleId && entry.type === 'started',
  );
  expect(started).toHaveLength(1);
  await until(async () => (await world.container(runId)) === undefined);
});

it('a watch that fails comes back before all that have not started', async () => {
  const own = testServers();
  const fake = createFakeEngine({ installation: own.installation, images: ['python:3.11-slim'] });
  const there = await openRunsWorld({ servers: own, engine: fake });
  try {
    const { collections, scheduleQueues } = there.services;
    const schedules = await Promise.all([there.schedule(), there.schedule(), there.schedule()]);
    const [runId = '', next = '', last = ''] = await Promise.all(schedules.map((id) => there.run(id)));
    const jobOf = async (id: string, states: ('delayed' | 'waiting' | 'prioritized')[]) =>
      (await scheduleQueues.runs.getJobs(states)).find(({ data }) => data.runId === id);
    for (const id of [next, last]) await (await jobOf(id, ['prioritized']))?.changePriority({ priority: 5 });

    there.worker({ concurrency: 1, runs: refusingOnce(collections.runs, 'succeeded') });
    await fake.control.exit(await there.untilUp(runId), 0);
    const nextUp = await there.untilUp(next);
    expect((await there.record(runId)).state).toBe('running');
    const job = await jobOf(runId, ['delayed']);
    expect(job?.priority).toBe(0);
    await sleep(job?.delay);
    await fake.control.exit(nextUp, 0);
    await there.untilRun(runId, ({ state }) => state === 'succeeded');
    await fake.control.exit(await there.untilUp(last), 0);
    const [ended, started] = [await there.record(runId), await there.record(last)];
    expect(started.startedAt?.getTime()).toBeGreaterThan(ended.updatedAt.getTime());
    await there.untilRun(last, ({ state }) => state === 'succeeded');
  } finally {
    await there[Symbol.asyncDispose]();
  }
});

/** Fails the first write of this state, as during a change of the primary. */
function refusingOnce(runs: Collection<Run>, state: RunState): Collection<Run> {
  let left = 1;
  return new Proxy(runs, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown;
      if (name !== 'bulkWrite') return call;
      return (...args: unknown[]) => {
        if (!JSON.stringify(args[0]).includes(`"state":"${state}"`) || left === 0) return call(...args);
        left -= 1;
        return Promise.reject(new Error('not primary'));
      };
    },
  });
}
