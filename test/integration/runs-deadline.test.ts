import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { ContainerDetail } from '../../infra/engine/port.ts';
import type { Run } from '../../model/runs.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import type { RunDeps } from '../../processors/runs/pass.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { drive, Mortal } from './runs-mortal.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const HOUR_MS = 3_600_000;
const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const leaving = new AbortController();
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
});

afterAll(async () => {
  leaving.abort();
  await world[Symbol.asyncDispose]();
});

/** The same engine, with something done to what `inspect` finds. */
function inspecting(change: (found: ContainerDetail) => Promise<ContainerDetail>): FakeEngine {
  return {
    ...engine,
    inspect: async (...args) => {
      const found = await engine.inspect(...args);
      return found === undefined ? undefined : change(found);
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** A run whose container runs, and whose handler died. */
async function abandoned(config: Record<string, unknown> = {}): Promise<{ runId: string; name: string }> {
  const runId = await world.run(await world.schedule(config), { enqueue: false });
  const handler = new Mortal({ when: 'before', call: 'wait' });
  const deps = world.deps({
    engine: handler.engine(engine),
    runs: handler.runs(world.services.collections.runs),
  });
  void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
  await handler.reached;
  return { runId, name: await world.untilUp(runId) };
}

const set = (runId: string, fields: Partial<Run>) =>
  world.services.collections.runs.updateOne({ _id: runId }, { $set: fields });

const RETRIES = { retries: { count: 2, delay: '1s' } };

describe('a run that ends about when it is to be stopped', () => {
  it.each([
    [0, 'succeeded', 'timeout', { timeout: '1s' }],
    [0, 'succeeded', 'cancellation', {}],
    [4, 'failed', 'timeout', { timeout: '1s', retries: 0 }],
  ])('with %d, before it was asked to, has %s: %s', async (exitCode, state, why, config) => {
    const runId = await world.run(await world.schedule({ ...RETRIES, ...config }), { enqueue: false });
    let isEnded = false;
    const ending = inspecting(async (found) => {
      if (isEnded || (await world.record(runId)).stopping === undefined) return found;
      isEnded = true;
      await engine.control.exit(found.id, exitCode);
      return (await engine.inspect(found.id)) ?? found;
    });
    const driven = drive(world.deps({ engine: ending }), runId);
    if (why === 'cancellation') {
      await world.untilUp(runId);
      await set(runId, { cancel: { who: 'ann', why: '', at: new Date() } });
    }
    await driven;
    expect(isEnded).toBe(true);
    expect(await world.record(runId)).toMatchObject({ state, exitCode, attempt: 1, attempts: [] });
    expect(await world.record(runId)).not.toHaveProperty('stopping');
  });

  it.each([
    [undefined, { state: 'succeeded', reason: /^It succeeded/ }],
    [true, { state: 'timed-out', reason: /^Too long\. It left with exit code 0 after SIGTERM/ }],
  ] as const)('ends so under a successor, too: asked %s', async (asked, expected) => {
    const { runId, name } = await abandoned(RETRIES);
    const why = { outcome: 'timed-out' as const, reason: 'Too long.', at: new Date() };
    await set(runId, { stopping: { ...why, ...(asked === undefined ? {} : { asked }) } });
    await engine.control.exit(name, 0);
    await drive(world.deps(), runId);
    const run = await world.record(runId);
    expect(run).toMatchObject({ state: expected.state, attempt: 1, attempts: [] });
    expect(run.reason).toMatch(expected.reason);
  });

  it('is stopped by a successor where it goes on', async () => {
    const { runId } = await abandoned();
    await set(runId, { stopping: { outcome: 'timed-out', reason: 'Too long.', at: new Date() } });
    await drive(world.deps(), runId);
    expect(await world.record(runId)).toMatchObject({
      state: 'timed-out',
      reason: 'Too long.',
      exitCode: 143,
    });
  });
});

describe('a step of MongoDB’s clock', () => {
  const stepping = (): { deps: RunDeps; step: (ms: number) => void } => {
    let byMs = 0;
    const deps = world.deps();
    return {
      deps: { ...deps, clock: { ...deps.clock, now: () => world.services.clock.now() + byMs } },
      step: (ms) => {
        byMs = ms;
      },
    };
  };

  it('back lets no run go on beyond its timeout', async () => {
    const runId = await world.run(await world.schedule({ timeout: '2s' }), { enqueue: false });
    const { deps, step } = stepping();
    const driven = drive(deps, runId);
    await world.untilUp(runId);
    step(-HOUR_MS);
    await driven;
    expect(await world.record(runId)).toMatchObject({ state: 'timed-out' });
  });

  it('ahead ends none early, though the engine was away meanwhile', async () => {
    const runId = await world.run(await world.schedule({ timeout: '10m' }), { enqueue: false });
    const { deps, step } = stepping();
    const driven = drive(deps, runId);
    const name = await world.untilUp(runId);
    await world.untilRun(runId, ({ state }) => state === 'running');
    await engine.control.setUnavailable(true);
    await until(() => deps.engineOutage.isOut);
    step(HOUR_MS);
    await engine.control.setUnavailable(false);
    // By then it has looked again.
    await sleep(1_500);
    expect((await world.record(runId)).stopping).toBeUndefined();
    await engine.control.exit(name, 0);
    await driven;
    expect(await world.record(runId)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a run whose container is stuck in its removal', () => {
  const stuck = (): RunDeps =>
    world.deps({ engine: inspecting((found) => Promise.resolve({ ...found, state: 'removing' })) });

  it('has failed after 2 minutes, and is not run again', async () => {
    const { runId } = await abandoned({ ...RETRIES, timeout: '10h' });
    const deps = stuck();
    const beganMs = performance.now();
    const monotonicMs = (): number => beganMs + (performance.now() - beganMs) * 200;
    void executeRun(
      { ...deps, clock: { ...deps.clock, monotonicMs } },
      { runId, cause: 'test' },
      leaving.signal,
    );
    const run = await world.untilRun(runId, ({ state }) => state === 'failed');
    expect(performance.now() - beganMs).toBeGreaterThan(500);
    expect(run).toMatchObject({ attempt: 1, attempts: [] });
    expect(run.reason).toMatch(/^Its container is being removed, and nobody saw how it ended\./);
  });

  it('has failed at its deadline', async () => {
    const { runId } = await abandoned();
    // Set only now: one that passed before the first handler waits would have it stop the run, and never get there.
    await set(runId, { deadline: new Date(world.services.clock.now() + 1_000) });
    void executeRun(stuck(), { runId, cause: 'test' }, leaving.signal);
    const run = await world.untilRun(runId, ({ state }) => state === 'failed', 5_000);
    expect(run.reason).toMatch(/^Its container is being removed/);
  });

  it('can be cancelled', async () => {
    const { runId } = await abandoned();
    void executeRun(stuck(), { runId, cause: 'test' }, leaving.signal);
    await set(runId, { cancel: { who: 'ann', why: 'stuck', at: new Date() } });
    const run = await world.untilRun(runId, ({ state }) => state === 'cancelled', 5_000);
    expect(run.reason).toBe('Cancelled by ann (stuck) while its container was being removed.');
  });
});
