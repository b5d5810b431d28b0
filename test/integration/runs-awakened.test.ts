import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { CancelWatch } from '../../processors/runs/cancel-watch.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import { testServers } from '../support/servers.ts';
import { drive } from './runs-mortal.ts';
import { succession } from './runs-succession.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
let world: RunsWorld<FakeEngine>;
const { startsOf, endWhenUp, nothingLeft, mortal } = succession(engine, () => world);
const leaving = new AbortController();

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
});

afterAll(async () => {
  leaving.abort();
  await world[Symbol.asyncDispose]();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});

describe('a handler that was stopped and wakes once another has taken over', () => {
  it.each([
    ['before', 'record preparing'],
    ['after', 'create'],
    ['before', 'record running'],
    ['after', 'record running'],
    ['before', 'start'],
    ['before', 'wait'],
    ['before', 'record succeeded'],
    ['before', 'remove'],
  ] as const)('%s %s does no harm', async (when, call) => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId, { enqueue: false });
    const { handler, deps } = mortal({ when, call });
    const first = executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    if (call === 'record succeeded' || call === 'remove') await endWhenUp(runId);
    await handler.reached;
    const second = drive(world.deps({ owner: 'second' }), runId);
    if (call === 'record succeeded' || call === 'remove') await second;
    else {
      await world.untilRun(
        runId,
        (run) => run.state === 'running' && (run.processor?.startsWith('second') ?? false),
      );
      await world.untilUp(runId);
    }
    handler.goOn();
    expect((await first).kind).not.toBe('failed');
    if (call !== 'record succeeded' && call !== 'remove') {
      expect((await world.record(runId)).state).toBe('running');
      await endWhenUp(runId);
    }
    expect(await second).toMatchObject({ outcome: 'succeeded' });
    expect(await world.record(runId)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await startsOf(scheduleId)).toBe(1);
    await nothingLeft(scheduleId, runId);
  });

  it('before it makes a container leaves the other’s, which has ended unrecorded, where it is', async () => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId, { enqueue: false });
    const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const create: FakeEngine['create'] = async (spec, options) => {
      if (spec.kind === 'run') {
        reached.resolve();
        await goOn.promise;
      }
      return engine.create(spec, options);
    };
    const deps = world.deps({ engine: Object.assign(Object.create(engine) as FakeEngine, { create }) });
    // It does not find out by looking.
    const cancels = new CancelWatch({ runs: world.services.collections.runs, everyMs: 60_000 });
    const firstResult = executeRun({ ...deps, cancels }, { runId, cause: 'test' }, leaving.signal);
    await reached.promise;
    const second = mortal({ when: 'before', call: 'readArchive' }, 'second');
    void executeRun(second.deps, { runId, cause: 'test' }, leaving.signal);
    await endWhenUp(runId);
    await second.handler.reached;
    goOn.resolve();
    expect(await firstResult).toMatchObject({ kind: 'again' });
    expect((await world.container(runId))?.state).toBe('exited');
    // The second is dead by now.
    expect(await drive(world.deps({ owner: 'third' }), runId)).toMatchObject({ outcome: 'succeeded' });
    expect(await startsOf(scheduleId)).toBe(1);
    await nothingLeft(scheduleId, runId);
  });

  it('before its announcement, while the other is about to make its own, starts nothing', async () => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId, { enqueue: false });
    const first = mortal({ when: 'before', call: 'record running' });
    const firstResult = executeRun(first.deps, { runId, cause: 'test' }, leaving.signal);
    await first.handler.reached;
    const second = mortal({ when: 'before', call: 'record running' }, 'second');
    const secondResult = drive(second.deps, runId);
    await second.handler.reached;
    first.handler.goOn();
    expect(await firstResult).toMatchObject({ kind: 'again' });
    expect(await startsOf(scheduleId)).toBe(0);
    second.handler.goOn();
    await endWhenUp(runId);
    expect(await secondResult).toMatchObject({ outcome: 'succeeded' });
    expect((await world.record(runId)).processor).toMatch(/^second\//);
    expect(await startsOf(scheduleId)).toBe(1);
  });

  it('after its announcement, once the run has ended under the other, does not start it again', async () => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId, { enqueue: false });
    const first = mortal({ when: 'after', call: 'record running' });
    const firstResult = executeRun(first.deps, { runId, cause: 'test' }, leaving.signal);
    await first.handler.reached;
    const second = mortal({ when: 'before', call: 'remove' }, 'second');
    const secondResult = drive(second.deps, runId);
    await endWhenUp(runId);
    await second.handler.reached;
    first.handler.goOn();
    await firstResult;
    expect(await startsOf(scheduleId)).toBe(1);
    second.handler.goOn();
    expect(await secondResult).toMatchObject({ outcome: 'succeeded' });
    await nothingLeft(scheduleId, runId);
  });

  it('before it records the end, while the other still reads it, records nothing', async () => {
    const scheduleId = await world.schedule({ retries: { count: 1, delay: '1s' } });
    const runId = await world.run(scheduleId, { enqueue: false });
    const first = mortal({ when: 'before', call: 'record retrying' });
    const firstResult = executeRun(first.deps, { runId, cause: 'test' }, leaving.signal);
    await engine.control.exit(await world.untilUp(runId), 7);
    await first.handler.reached;
    const second = mortal({ when: 'after', call: 'readArchive' }, 'second');
    const secondResult = drive(second.deps, runId);
    await second.handler.reached;
    first.handler.goOn();
    expect(await firstResult).toMatchObject({ kind: 'again' });
    expect(await world.record(runId)).toMatchObject({ state: 'running', attempts: [] });
    second.handler.goOn();
    await world.untilRun(runId, (run) => run.attempt === 2 && run.state === 'running');
    await endWhenUp(runId);
    await secondResult;
    expect((await world.record(runId)).attempts).toHaveLength(1);
    expect(await startsOf(scheduleId)).toBe(2);
  });
});
