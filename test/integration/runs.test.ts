import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { manualRunIdOf } from '../../model/runs.ts';
import { tarOf } from '../../processors/entrypoints/tar.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
  world.worker();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});

const startsOf = async (scheduleId: string): Promise<number> =>
  (await engine.control.ledger()).filter((entry) => entry.botId === scheduleId && entry.type === 'started')
    .length;

async function leaveResult(runId: string, content: string): Promise<void> {
  const file = { name: 'result.json', mode: 0o600, uid: 1000, gid: 1000, content: Buffer.from(content) };
  const container = await world.container(runId);
  await engine.writeArchive(container?.id ?? '', '/the0/run', await tarOf([file]));
}

describe('a run', () => {
  it('that succeeds is recorded with all that is known of it, and leaves nothing behind', async () => {
    const scheduleId = await world.schedule({ timeout: '1h', symbol: 'BTC' });
    const runId = await world.run(scheduleId);
    const name = await world.untilUp(runId);
    const running = await world.untilRun(runId, (run) => run.state === 'running');
    expect(running).toMatchObject({ attempt: 1, reason: 'It runs.', open: true, limits: { retries: 0 } });
    expect((running.deadline?.getTime() ?? 0) - (running.startedAt?.getTime() ?? 0)).toBe(3_600_000);
    expect((await world.container(runId))?.labels).toMatchObject({
      'runtime.id': scheduleId,
      'runtime.type': 'scheduled',
      'runtime.managed': 'true',
      'runtime.entrypoint': 'main.py',
      'the0.kind': 'run',
      'the0.run': runId,
      'the0.attempt': '1',
    });
    await engine.control.print(name, 'bought 3\nsold 2\n');
    await leaveResult(runId, '{"profit": 5, "orders": [{"$type": "limit"}]}');
    await engine.control.exit(name, 0);
    const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
    expect(run).toMatchObject({
      exitCode: 0,
      oomKilled: false,
      containerId: running.containerId,
      result: { profit: 5, orders: [{ $type: 'limit' }] },
      lastOutput: ['bought 3', 'sold 2'],
      attempts: [],
    });
    expect(run.reason).toMatch(/^It succeeded after \d+ s\.$/);
    expect(run.open).toBeUndefined();
    expect(run.deadline).toBeUndefined();
    expect(run.endedAt?.getTime()).toBeGreaterThanOrEqual(run.startedAt?.getTime() ?? Infinity);
    await until(async () => (await world.status(scheduleId)).line.length === 0);
    expect(await world.status(scheduleId)).toMatchObject({
      failuresInRow: 0,
      lastRun: { runId, state: 'succeeded' },
    });
    await until(async () => (await world.container(runId)) === undefined);
    await until(async () => (await world.launchVolumes(runId)).length === 0);
    expect(await startsOf(scheduleId)).toBe(1);
  });

  it('that fails says with which exit code, counts, and is not tried again unless asked', async () => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId);
    await engine.control.exit(await world.untilUp(runId), 3);
    const run = await world.untilRun(runId, ({ state }) => state === 'failed');
    expect(run).toMatchObject({ exitCode: 3, attempt: 1, attempts: [] });
    expect(run.reason).toMatch(/^It crashed with exit code 3 after \d+ s\.$/);
    await until(async () => (await world.status(scheduleId)).failuresInRow === 1);
    const job = await until(async () =>
      (await world.services.scheduleQueues.runs.getFailed()).find(({ data }) => data.runId === runId),
    );
    expect(job.failedReason).toBe(run.reason);
    expect(await startsOf(scheduleId)).toBe(1);
  });

  it('that runs out of memory says so', async () => {
    const runId = await world.run(await world.schedule());
    await engine.control.oom(await world.untilUp(runId));
    const run = await world.untilRun(runId, ({ state }) => state === 'failed');
    expect(run).toMatchObject({ oomKilled: true, exitCode: 137, signal: 'SIGKILL' });
    expect(run.reason).toContain('ran out of memory');
  });

  it.each([
    ['no JSON', 'profit: 5', /is no JSON/],
    ['too large', JSON.stringify('x'.repeat(70_000)), /has 69 KB; at most 64 KB/],
    ['nested without end', `${'['.repeat(200)}${']'.repeat(200)}`, /nested/],
  ])('whose result is %s succeeds, and says why the result is missing', async (_what, content, problem) => {
    const runId = await world.run(await world.schedule());
    const name = await world.untilUp(runId);
    await leaveResult(runId, content);
    await engine.control.exit(name, 0);
    const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
    expect(run.resultProblem).toMatch(problem);
    expect(run).not.toHaveProperty('result');
  });

  it('that goes on beyond its timeout is asked to end, then killed, and has timed out', async () => {
    const scheduleId = await world.schedule({ timeout: '1s' });
    const runId = await world.run(scheduleId);
    await world.untilUp(runId);
    const run = await world.untilRun(runId, ({ state }) => state === 'timed-out');
    expect(run).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
    expect(run.reason).toBe('It ran for longer than its timeout of 1 s.');
    await until(async () => (await world.status(scheduleId)).failuresInRow === 1);
  });

  it('has what its request replaces in the config, and is due now though its schedule is disabled and paused', async () => {
    const scheduleId = await world.schedule({ enabled: false, symbol: 'BTC', keep: 1, timeout: '1h' });
    await world.services.collections.holds.insertOne({
      _id: scheduleId,
      who: 'ann',
      why: 'x',
      at: new Date(),
    });
    const runId = await world.run(scheduleId, {
      _id: manualRunIdOf(scheduleId, 'r1'),
      kind: 'manual',
      cause: 'run now by bob: to see',
      request: { id: 'r1', who: 'bob', why: 'to see', configOverride: { symbol: 'ETH', timeout: '2h' } },
    });
    const name = await world.untilUp(runId);
    const container = await world.container(runId);
    const config = await readFile(container?.id ?? '', '/the0/run/config.json');
    expect(JSON.parse(config)).toMatchObject({ symbol: 'ETH', keep: 1, timeout: '2h' });
    await engine.control.exit(name, 0);
    const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
    expect(run.limits?.timeoutMs).toBe(7_200_000);
  });
});

async function readFile(containerId: string, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await engine.readArchive(containerId, path)) chunks.push(Buffer.from(chunk));
  // One file in a tar: a header of 512 bytes, then its content, padded with zeros.
  return Buffer.concat(chunks).subarray(512).toString().replace(/\0+$/, '');
}

const schedules = () => world.services.collections.schedules;
const CHANGES: Readonly<Record<'deleted' | 'disabled' | 'paused', (id: string) => Promise<unknown>>> = {
  deleted: (id) => schedules().deleteOne({ id }),
  disabled: (id) => schedules().updateOne({ id }, { $set: { enabled: false } }),
  paused: (id) =>
    world.services.collections.holds.insertOne({ _id: id, who: 'ann', why: 'incident', at: new Date() }),
};

describe('a run that goes', () => {
  it.each(['disabled', 'deleted', 'paused'] as const)(
    'finishes although its schedule is %s, and leaves nothing behind',
    async (what) => {
      const scheduleId = await world.schedule();
      const runId = await world.run(scheduleId);
      const name = await world.untilUp(runId);
      await CHANGES[what](scheduleId);
      // Whoever looks at it meanwhile leaves it alone as well.
      await world.services.scheduleQueues.addRuns([{ runId, cause: 'a look at it' }]);
      await engine.control.print(name, 'sold all\n');
      await engine.control.exit(name, 0);
      const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
      expect(run).toMatchObject({ attempt: 1, exitCode: 0, lastOutput: ['sold all'] });
      await until(async () => (await world.container(runId)) === undefined);
      await until(async () => (await world.launchVolumes(runId)).length === 0);
      await until(async () => (await world.status(scheduleId)).line.length === 0);
      expect(await startsOf(scheduleId)).toBe(1);
    },
  );
});

describe('a run that has not started', () => {
  it.each([
    ['was deleted', CHANGES.deleted, 'Its schedule was deleted before it started.'],
    ['was disabled', CHANGES.disabled, 'Its schedule was disabled before it started.'],
    ['was paused', CHANGES.paused, 'Its schedule was paused by ann (incident) before it started.'],
  ])('and whose schedule %s meanwhile is cancelled', async (_what, change, reason) => {
    const scheduleId = await world.schedule();
    await change(scheduleId);
    const runId = await world.run(scheduleId);
    const run = await world.untilRun(runId, ({ state }) => state === 'cancelled');
    expect(run).toMatchObject({ reason, attempt: 0 });
    await until(async () => (await world.status(scheduleId)).line.length === 0);
    expect(await startsOf(scheduleId)).toBe(0);
  });

  it('and is cancelled never starts', async () => {
    const scheduleId = await world.schedule();
    const runId = await world.run(scheduleId, { cancel: { who: 'ann', why: 'no need', at: new Date() } });
    const run = await world.untilRun(runId, ({ state }) => state === 'cancelled');
    expect(run.reason).toBe('Cancelled by ann (no need) before it started.');
    expect(await startsOf(scheduleId)).toBe(0);
  });

  it.each([
    ['an unreadable timeout', { timeout: -1 }, {}, /config\.timeout/],
    ['an unreadable limit', { memory_limit: 'lots' }, {}, /memory_limit/],
    ['no such entry point', {}, { entry: 'nothing.py' }, /nothing\.py/],
  ])('and has %s fails at once, whatever retries it has', async (_what, config, over, reason) => {
    const scheduleId = await world.schedule({ retries: 3, ...config }, over);
    const runId = await world.run(scheduleId);
    const run = await world.untilRun(runId, ({ state }) => state === 'failed');
    expect(run.reason).toMatch(reason);
    expect(await startsOf(scheduleId)).toBe(0);
  });

  it('waits for its due time', async () => {
    const scheduleId = await world.schedule();
    const due = new Date(Date.now() + 1_200);
    const runId = await world.run(scheduleId, { due });
    await world.untilUp(runId);
    const run = await world.record(runId);
    expect(run.startedAt?.getTime()).toBeGreaterThanOrEqual(due.getTime());
    await engine.control.exit(await world.untilUp(runId), 0);
  });
});

describe('circumstances', () => {
  it('keep a run waiting, with the reason, and are no failed attempt', async () => {
    const scheduleId = await world.schedule({}, { filePath: 'owner/not-there/1.0.0' });
    const runId = await world.run(scheduleId);
    const waiting = await world.untilRun(runId, (run) => (run.preparation?.failures ?? 0) >= 2);
    expect(waiting).toMatchObject({ state: 'preparing', attempt: 1, attempts: [] });
    expect(waiting.reason).toMatch(
      /^It could not be started: There is no object .* \(tried \d times\)\. It is tried again\.$/,
    );
    await world.services.collections.schedules.updateOne(
      { id: scheduleId },
      { $set: { 'custom.filePath': world.filePath } },
    );
    await engine.control.exit(await world.untilUp(runId), 0);
    expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  });

  it('that last longer than the timeout fail the run', async () => {
    const scheduleId = await world.schedule(
      { timeout: '1s', retries: 2 },
      { filePath: 'owner/not-there/1.0.0' },
    );
    const runId = await world.run(scheduleId);
    const run = await world.untilRun(runId, ({ state }) => state === 'failed');
    expect(run.reason).toMatch(/^It could not be started within its timeout of 1 s: There is no object/);
    expect(run).toMatchObject({ attempts: [] });
  });

  it('of the engine’s refusing to start it are such, too', async () => {
    await engine.control.failNext({ call: 'create', error: 'unavailable', times: 2 });
    const runId = await world.run(await world.schedule());
    await engine.control.exit(await world.untilUp(runId), 0);
    expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  });
});

describe('retries', () => {
  it('come with growing delays, keep the attempts before, and end with a success', async () => {
    const scheduleId = await world.schedule({ retries: { count: 3, delay: '1s' } });
    const runId = await world.run(scheduleId);
    const delays: number[] = [];
    for (const attempt of [1, 2]) {
      await world.untilRun(runId, (run) => run.state === 'running' && run.attempt === attempt);
      const name = await world.untilUp(runId);
      await engine.control.print(name, `try ${attempt}\n`);
      await engine.control.exit(name, 10 + attempt);
      const retrying = await world.untilRun(runId, ({ state }) => state === 'retrying');
      delays.push((retrying.nextAttemptAt?.getTime() ?? 0) - retrying.updatedAt.getTime());
    }
    await world.untilRun(runId, (run) => run.state === 'running' && run.attempt === 3);
    await engine.control.exit(await world.untilUp(runId), 0);
    const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
    expect(run).toMatchObject({ attempt: 3, exitCode: 0, lastOutput: [] });
    expect(run.attempts).toMatchObject([
      { attempt: 1, outcome: 'failed', exitCode: 11 },
      { attempt: 2, outcome: 'failed', exitCode: 12 },
    ]);
    expect(delays[0]).toBeGreaterThan(900);
    expect(delays[1]).toBeGreaterThan(1_900);
    expect(await startsOf(scheduleId)).toBe(3);
    expect((await world.status(scheduleId)).failuresInRow).toBe(0);
  });
});
