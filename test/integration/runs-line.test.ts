import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { runContainerName } from '../../model/names.ts';
import type { Run } from '../../model/runs.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, withProgram, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
  world.worker({ owner: 'a' });
  world.worker({ owner: 'b' });
});

afterAll(() => world[Symbol.asyncDispose]());

const end = (runId: string): Promise<void> =>
  engine.control.exit(runContainerName(servers.installation, runId), 0);
const cancel = (runId: string, who = 'ann') =>
  world.services.collections.runs.updateOne(
    { _id: runId },
    { $set: { cancel: { who, why: 'enough', at: new Date() } } },
  );
const overlapsOf = async (scheduleId: string) =>
  findOverlaps((await engine.control.ledger()).filter(({ botId }) => botId === scheduleId));

it('runs of a schedule go one after the other, in line, though every processor has the job of another', async () => {
  const scheduleId = await world.schedule();
  const first = await world.run(scheduleId, { enqueue: false });
  const second = await world.run(scheduleId, { enqueue: false });
  const third = await world.run(scheduleId, { enqueue: false });
  await world.services.scheduleQueues.addRuns(
    [third, second, first].map((runId) => ({ runId, cause: 'tick' })),
  );
  await world.untilUp(first);
  const waiting = await world.untilRun(second, ({ reason }) => reason.includes('waits in line'));
  expect(waiting.reason).toBe(`It waits in line: run ${first} goes first.`);
  await world.untilRun(third, ({ reason }) => reason.includes('waits in line'));
  expect([(await world.record(second)).state, (await world.record(third)).state]).toEqual([
    'queued',
    'queued',
  ]);
  await end(first);
  await world.untilUp(second);
  expect((await world.record(third)).state).toBe('queued');
  await end(second);
  await world.untilUp(third);
  await end(third);
  await until(async () => (await world.status(scheduleId)).line.length === 0);
  expect(await overlapsOf(scheduleId)).toEqual([]);
});

it('as many as the schedule allows go at once, and no more', async () => {
  const scheduleId = await world.schedule({ overlap: { policy: 'allow', max: 2 } });
  const runs = [await world.run(scheduleId), await world.run(scheduleId), await world.run(scheduleId)];
  const [first = '', second = '', third = ''] = runs;
  await Promise.all([world.untilUp(first), world.untilUp(second)]);
  const waiting = await world.untilRun(third, ({ reason }) => reason.includes('line'));
  expect(waiting.reason).toBe('It waits in line: 2 runs of its schedule may go at once, 2 are before it.');
  await end(second);
  await world.untilUp(third);
  expect((await world.container(first))?.state).toBe('running');
  await Promise.all([end(first), end(third)]);
  await until(async () => (await world.status(scheduleId)).line.length === 0);
});

it('a run that is cancelled while it runs is stopped, and the next in line goes', async () => {
  const scheduleId = await world.schedule({ retries: 2 });
  const first = await world.run(scheduleId);
  const second = await world.run(scheduleId);
  await world.untilUp(first);
  await cancel(first);
  const run = await world.untilRun(first, ({ state }) => state === 'cancelled');
  expect(run).toMatchObject({
    reason: 'Cancelled by ann (enough) while it ran.',
    exitCode: 143,
    attempts: [],
  });
  await end(await world.untilUp(second).then(() => second));
  await world.untilRun(second, ({ state }) => state === 'succeeded');
  expect((await world.status(scheduleId)).failuresInRow).toBe(0);
  expect(await overlapsOf(scheduleId)).toEqual([]);
});

it('a newer run that replaces an older one waits until that is gone', async () => {
  const scheduleId = await world.schedule({ overlap: 'replace' });
  const older = await world.run(scheduleId);
  await world.untilUp(older);
  const newer = await world.run(scheduleId);
  await cancel(older, 'the tick of 10:00');
  await world.untilUp(newer);
  expect(await world.record(older)).toMatchObject({ state: 'cancelled' });
  await end(newer);
  await world.untilRun(newer, ({ state }) => state === 'succeeded');
  expect(await overlapsOf(scheduleId)).toEqual([]);
});

it.each([
  ['first', 0, /^It waits in line: run .* is still at work\.$/],
  ['second', 1, /^It waits in line: run .* goes first\.$/],
])(
  'of two runs that went at once the %s in line makes no further attempt beside the other, once only one may go',
  async (_which, index, reason) => {
    const scheduleId = await world.schedule({
      overlap: { policy: 'allow', max: 2 },
      retries: { count: 1, delay: '1s' },
    });
    const runs = [await world.run(scheduleId), await world.run(scheduleId)];
    for (const runId of runs) await world.untilUp(runId);
    const [failing = '', other = ''] = index === 0 ? runs : runs.toReversed();
    await engine.control.exit(runContainerName(servers.installation, failing), 9);
    await world.untilRun(failing, ({ state }) => state === 'retrying');
    await world.services.collections.schedules.updateOne(
      { id: scheduleId },
      { $set: { 'config.overlap': 'forbid' } },
    );
    const waiting = await world.untilRun(failing, (run) => reason.test(run.reason));
    expect(waiting).toMatchObject({ state: 'retrying', attempt: 1 });
    expect((await world.container(other))?.state).toBe('running');
    await end(other);
    await end(await world.untilUp(failing).then(() => failing));
    expect(await world.untilRun(failing, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 2 });
  },
);

it.each([
  ['at the first place, beside one at work behind it', 0, 'retrying', /run .* is still at work\.$/],
  ['behind the first place', 1, 'queued', /run .* goes first\.$/],
] as const)(
  'a run that is let in as one of two %s gives its place back if only one may go by then',
  async (_which, place, state, reason) => {
    const scheduleId = await world.schedule({ overlap: { policy: 'allow', max: 2 } });
    const { collections } = world.services;
    const mine: Partial<Run> = {
      state,
      steps: 2,
      ...(state === 'queued'
        ? {}
        : { attempt: 1, exitCode: 9, startedAt: new Date(5), nextAttemptAt: new Date(7) }),
    };
    const over = [mine, { state: 'preparing' as const, processor: 'other/1' }];
    const runs: string[] = [];
    for (const each of place === 0 ? over : over.toReversed())
      runs.push(await world.run(scheduleId, { enqueue: false, ...each }));
    const runId = runs[place] ?? '';
    const before = await world.record(runId);
    const deps = world.deps();
    const { schedules } = deps;
    const read = async (id: string) => {
      const seen = await schedules.read(id);
      await collections.schedules.updateOne({ id }, { $set: { 'config.overlap': 'forbid' } });
      return seen;
    };

    const { signal } = new AbortController();
    const result = await executeRun({ ...deps, schedules: { read } }, { runId, cause: 'tick' }, signal);
    expect(result).toMatchObject({ kind: 'done', outcome: 'deferred' });
    const after = await world.record(runId);
    const { processor, ...rest } = after;
    expect(processor).toContain('owner-');
    expect(rest).toEqual({
      ...before,
      reason: expect.stringMatching(reason) as string,
      steps: 4,
      updatedAt: expect.any(Date) as Date,
    });
    expect(await world.container(runId)).toBeUndefined();
  },
);

it('a run that is cancelled between two attempts has none any more', async () => {
  const scheduleId = await world.schedule({ retries: { count: 2, delay: '1h' } });
  const runId = await world.run(scheduleId);
  await engine.control.exit(await world.untilUp(runId), 9);
  await world.untilRun(runId, ({ state }) => state === 'retrying');
  const { scheduleQueues } = world.services;
  // The job is put off a moment after the record says so; a call that comes in between is left to the look that heals.
  await until(
    async () => (await scheduleQueues.runsWithJobs([runId])).get(runId)?.delayedUntilMs !== undefined,
  );
  await cancel(runId);
  // As whoever cancels a run does: it waits out its delay otherwise.
  await world.services.scheduleQueues.addRuns([{ runId, cause: 'cancelled' }]);
  const run = await world.untilRun(runId, ({ state }) => state === 'cancelled');
  expect(run).toMatchObject({
    reason: 'Cancelled by ann (enough) before attempt 2.',
    attempt: 1,
    attempts: [{ attempt: 1, outcome: 'failed', exitCode: 9 }],
  });
});

it('hundreds of short runs of many schedules, some doubled on the queue, run once each and never overlap', async () => {
  const elsewhere = testServers();
  const fake = createFakeEngine({ installation: elsewhere.installation, images: ['python:3.11-slim'] });
  const own = await openRunsWorld({
    servers: elsewhere,
    engine: withProgram(fake, () => ({ exitCode: 0, exitAfterMs: 20 })),
  });
  const queue = own.services.scheduleQueues;
  try {
    const schedules = await Promise.all(Array.from({ length: 12 }, () => own.schedule()));
    const runs: string[] = [];
    for (let n = 0; n < 8; n += 1)
      for (const scheduleId of schedules) runs.push(await own.run(scheduleId, { enqueue: n % 2 === 0 }));
    await queue.addRuns(runs.map((runId) => ({ runId, cause: 'again' })));
    own.worker({ owner: 'c' });
    own.worker({ owner: 'd' });
    await until(
      async () =>
        (await own.services.collections.runs.countDocuments({ _id: { $in: runs }, state: 'succeeded' })) ===
        runs.length,
      { timeoutMs: 50_000, what: 'all runs succeeding' },
    );
    const ledger = await fake.control.ledger();
    for (const scheduleId of schedules) {
      expect(ledger.filter(({ botId, type }) => botId === scheduleId && type === 'started')).toHaveLength(8);
      expect(findOverlaps(ledger.filter(({ botId }) => botId === scheduleId))).toEqual([]);
    }
  } finally {
    await own[Symbol.asyncDispose]();
  }
});
