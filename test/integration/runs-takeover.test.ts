import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { StartProblem } from '../../processors/errors.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import { until } from '../support/poll.ts';
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

describe('a handler that dies', () => {
  it.each([
    ['before', 'record preparing'],
    ['after', 'record preparing'],
    ['before', 'create'],
    ['after', 'create'],
    ['after', 'writeArchive'],
    ['before', 'record running'],
    ['after', 'record running'],
    ['before', 'start'],
    ['after', 'start'],
    ['before', 'wait'],
  ] as const)(
    '%s %s is succeeded: one container runs, once, and one record tells of it',
    async (when, call) => {
      const scheduleId = await world.schedule();
      const runId = await world.run(scheduleId, { enqueue: false });
      const { handler, deps } = mortal({ when, call });
      void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
      await handler.reached;
      const second = drive(world.deps({ owner: 'second' }), runId);
      await endWhenUp(runId);
      expect(await second).toMatchObject({ kind: 'done', outcome: 'succeeded' });
      const run = await world.record(runId);
      expect(run).toMatchObject({ state: 'succeeded', attempt: 1, attempts: [], exitCode: 0 });
      expect(run.processor).toMatch(/^second\//);
      expect(await startsOf(scheduleId)).toBe(1);
      await nothingLeft(scheduleId, runId);
    },
  );

  it.each([
    ['after', 'wait'],
    ['after', 'readArchive'],
    ['before', 'record succeeded'],
    ['after', 'record succeeded'],
    ['before', 'remove'],
    ['after', 'remove'],
    ['before', 'removeVolume'],
  ] as const)(
    '%s %s, once the container has ended, is succeeded by one that only finishes',
    async (when, call) => {
      const scheduleId = await world.schedule();
      const runId = await world.run(scheduleId, { enqueue: false });
      const { handler, deps } = mortal({ when, call });
      void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
      await endWhenUp(runId);
      await handler.reached;
      const before = world.ended.length;
      expect(await drive(world.deps(), runId)).toMatchObject({ kind: 'done', outcome: 'succeeded' });
      expect(world.ended.length - before).toBeLessThanOrEqual(1);
      expect(await world.record(runId)).toMatchObject({ state: 'succeeded', attempt: 1, attempts: [] });
      expect(await startsOf(scheduleId)).toBe(1);
      await nothingLeft(scheduleId, runId);
    },
  );

  it('while it stops a run at its deadline is succeeded by one that knows why it ended', async () => {
    const scheduleId = await world.schedule({ timeout: '1s' });
    const runId = await world.run(scheduleId, { enqueue: false });
    const { handler, deps } = mortal({ when: 'after', call: 'stop' });
    void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    await handler.reached;
    expect(await drive(world.deps(), runId)).toMatchObject({ kind: 'failed' });
    expect(await world.record(runId)).toMatchObject({
      state: 'timed-out',
      reason: 'It ran for longer than its timeout of 1 s.',
    });
  });

  it('with the deadline passing meanwhile leaves a run that its successor stops at once', async () => {
    const scheduleId = await world.schedule({ timeout: '3s' });
    const runId = await world.run(scheduleId, { enqueue: false });
    const { handler, deps } = mortal({ when: 'before', call: 'wait' });
    void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    await handler.reached;
    await sleep(3_200);
    const beganMs = performance.now();
    await drive(world.deps(), runId);
    // Whoever counted the deadline anew would let it run for three seconds more.
    expect(performance.now() - beganMs).toBeLessThan(2_700);
    expect(await world.record(runId)).toMatchObject({ state: 'timed-out' });
  });

  it('between two attempts loses none and repeats none', async () => {
    const scheduleId = await world.schedule({ retries: { count: 1, delay: '1s' } });
    const runId = await world.run(scheduleId, { enqueue: false });
    const { handler, deps } = mortal({ when: 'after', call: 'record retrying' });
    void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    await engine.control.exit(await world.untilUp(runId), 7);
    await handler.reached;
    const second = drive(world.deps(), runId);
    await world.untilRun(runId, (run) => run.attempt === 2 && run.state === 'running');
    await endWhenUp(runId);
    await second;
    const run = await world.record(runId);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(run.attempts).toMatchObject([{ attempt: 1, exitCode: 7 }]);
    expect(await startsOf(scheduleId)).toBe(2);
  });
});

it('a container of this very attempt that has run, of which the record does not tell, is left for a person', async () => {
  const scheduleId = await world.schedule({ timeout: '2s' });
  const runId = await world.run(scheduleId, { enqueue: false });
  const { handler, deps } = mortal({ when: 'before', call: 'wait' });
  void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
  await handler.reached;
  await endWhenUp(runId);
  // As after the restore of a backup.
  await world.services.collections.runs.updateOne(
    { _id: runId },
    { $set: { state: 'preparing' }, $unset: { containerId: '', startedAt: '', deadline: '' } },
  );
  await drive(world.deps(), runId);
  expect(await world.record(runId)).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('bears this run’s name and has run'.replace('’', "'")) as string,
  });
  expect(await startsOf(scheduleId)).toBe(1);
});

describe('a run on record as running', () => {
  it('whose container is gone has failed, as lost, and is not run again', async () => {
    const scheduleId = await world.schedule({ retries: 3 });
    const runId = await world.run(scheduleId, { enqueue: false });
    const { handler, deps } = mortal({ when: 'before', call: 'wait' });
    void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    await handler.reached;
    const container = await world.container(runId);
    await engine.remove(container?.id ?? '', { force: true });
    expect(await drive(world.deps(), runId)).toMatchObject({ kind: 'failed', outcome: 'failed' });
    const run = await world.record(runId);
    expect(run).toMatchObject({ state: 'failed', attempt: 1, attempts: [] });
    expect(run.reason).toContain('is gone and nobody saw how it ended');
    expect(await startsOf(scheduleId)).toBe(1);
    await nothingLeft(scheduleId, runId);
  });

  it('is not lost while no engine answers, nor while another does', async () => {
    const runId = await world.run(await world.schedule(), { enqueue: false });
    const { handler, deps } = mortal({ when: 'before', call: 'wait' });
    void executeRun(deps, { runId, cause: 'test' }, leaving.signal);
    await handler.reached;
    await engine.control.setUnavailable(true);
    const away = world.deps();
    const second = drive(away, runId);
    await until(() => away.engineOutage.isOut);
    expect((await world.record(runId)).state).toBe('running');

    const other = world.deps({ engine: createFakeEngine({ installation: servers.installation }) });
    const sameEngine = () =>
      Promise.reject(new StartProblem('another_engine', 'not ours', { retryable: true }));
    const elsewhere = { ...other, launching: { ...other.launching, sameEngine } };
    const leave = new AbortController();
    const third = executeRun(elsewhere, { runId, cause: 'test' }, leave.signal);
    await until(() => other.engineOutage.isOut);
    leave.abort();
    expect(await third).toMatchObject({ kind: 'again', afterMs: 0 });
    expect((await world.record(runId)).state).toBe('running');

    await engine.control.setUnavailable(false);
    await endWhenUp(runId);
    expect(await second).toMatchObject({ outcome: 'succeeded' });
  });
});
