import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { runIdOf, type Run } from '../../model/runs.ts';
import { CancelWatch, RunCancelled, RunTaken } from '../../processors/runs/cancel-watch.ts';
import { Lines } from '../../processors/runs/line.ts';
import { RunRecords } from '../../processors/runs/record.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
let mongo: MongoLink;
let all: ReturnType<typeof collections>;

beforeAll(() => {
  mongo = connectMongo(servers.mongoUri, {
    appName: 'test',
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  all = collections(mongo.client, servers.databases);
});

afterAll(() => mongo.close());

const records = (): RunRecords => new RunRecords({ runs: all.runs, now: () => Date.now() });

async function newRun(over: Partial<Run> = {}): Promise<Run> {
  const scheduleId = newBotId();
  const at = new Date(0);
  const run: Run = {
    _id: runIdOf(scheduleId, at),
    scheduleId,
    kind: 'tick',
    nominal: at,
    due: at,
    state: 'queued',
    reason: '',
    cause: 'tick',
    open: true,
    createdAt: at,
    updatedAt: at,
    attempt: 0,
    attempts: [],
    ...over,
  };
  await all.runs.insertOne(run);
  return run;
}

it('of many handlers that make the same step of a run at once, in one process or several, exactly one does', async () => {
  const runs = await Promise.all(
    Array.from({ length: 20 }, () =>
      newRun({ state: 'preparing', attempt: 1, processor: 'dead/1', steps: 7 }),
    ),
  );
  const [mine, theirs] = [records(), records()];
  const tries = runs.flatMap((run) =>
    ['a', 'b', 'c', 'd'].map(async (name, index) => {
      const after = await (index % 2 === 0 ? mine : theirs).change(run, `${name}/${run._id}`, {
        set: { reason: name },
      });
      return { run, name, after };
    }),
  );
  const done = (await Promise.all(tries)).filter(({ after }) => after !== undefined);
  expect(done.map(({ run }) => run._id).sort()).toEqual(runs.map((run) => run._id).sort());
  for (const { run, after } of done) expect(await all.runs.findOne({ _id: run._id })).toEqual(after);
});

it('what a step says of the run afterwards is what is on record, with fields taken out and attempts kept', async () => {
  const run = await newRun({ state: 'running', attempt: 1, deadline: new Date(5), containerId: 'c' });
  const push = { attempt: 1, outcome: 'failed' as const, reason: 'x', endedAt: new Date(9) };
  const after = await records().change(run, 'a/1', {
    set: { state: 'retrying', reason: 'again' },
    unset: ['deadline'],
    push,
  });
  expect(after).toMatchObject({ state: 'retrying', steps: 1, attempts: [push], processor: 'a/1' });
  expect(after).not.toHaveProperty('deadline');
  expect(await all.runs.findOne({ _id: run._id })).toEqual(after);
});

it('a step whose condition does not hold is not made, also where its maker made the one before', async () => {
  const run = await newRun();
  const store = records();
  const first = await store.change(run, 'a/1', { set: { state: 'preparing' } });
  expect(first).toBeDefined();
  await all.runs.updateOne({ _id: run._id }, { $set: { cancel: { who: 'x', why: '', at: new Date() } } });
  const where = { cancel: { $exists: false } };
  expect(await store.change(first ?? run, 'a/1', { set: { state: 'preparing' }, where })).toBeUndefined();
});

it('one write that MongoDB refuses fails alone', async () => {
  const [good, bad] = [await newRun(), await newRun()];
  const store = records();
  const huge = 'x'.repeat(17 * 1024 * 1024);
  const [first, second] = await Promise.allSettled([
    store.change(good, 'a/1', { set: { state: 'preparing' } }),
    store.change(bad, 'a/1', { set: { reason: huge } }),
  ]);
  expect(second.status).toBe('rejected');
  if (first.status === 'fulfilled') expect(first.value).toMatchObject({ state: 'preparing' });
  expect((await all.runs.findOne({ _id: bad._id }))?.reason).toBe('');
});

it('a step with a result that MongoDB refuses is made without it, and says why', async () => {
  const [run, other] = [await newRun({ state: 'running', attempt: 1 }), await newRun()];
  const runtime = mongo.client.db(servers.databases.runtime);
  await runtime.command({ collMod: 'runs', validator: { 'result.refused': { $exists: false } } });
  try {
    const store = records();
    const [after, beside] = await Promise.all([
      store.change(run, 'a/1', { set: { state: 'succeeded', reason: 'done', result: { refused: 1 } } }),
      store.change(other, 'b/1', { set: { result: { accepted: 1 } } }),
    ]);
    expect(after).toMatchObject({
      state: 'succeeded',
      reason: 'done',
      steps: 1,
      resultProblem: expect.stringMatching(/^the result cannot be stored: .*failed validation/) as string,
    });
    expect(after).not.toHaveProperty('result');
    expect(await all.runs.findOne({ _id: run._id })).toEqual(after);
    expect(beside).toMatchObject({ result: { accepted: 1 } });
  } finally {
    await runtime.command({ collMod: 'runs', validator: {} });
  }
});

it('a step that MongoDB refuses, and that has no result, fails', async () => {
  const run = await newRun();
  const runtime = mongo.client.db(servers.databases.runtime);
  await runtime.command({ collMod: 'runs', validator: { reason: { $ne: 'refused' } } });
  try {
    await expect(records().change(run, 'a/1', { set: { reason: 'refused' } })).rejects.toThrow('not written');
  } finally {
    await runtime.command({ collMod: 'runs', validator: {} });
  }
});

it('of several runs those that are at work are told', async () => {
  const runs = await Promise.all(
    (['queued', 'preparing', 'running', 'retrying'] as const).map((state) => newRun({ state })),
  );
  const atWork = await records().atWork(runs.map(({ _id }) => _id));
  expect(atWork.sort()).toEqual([runs[1]?._id, runs[2]?._id].sort());
});

it('a run leaves its line once, and is counted once, however often it is taken out', async () => {
  const ended = await newRun({ state: 'failed', reason: 'broke', endedAt: new Date(7) });
  await all.scheduleStatus.insertOne({
    _id: ended.scheduleId,
    phase: 'active',
    reason: '',
    since: new Date(0),
    updatedAt: new Date(0),
    line: [ended._id, 'next'],
    failuresInRow: 4,
  });
  const lines = new Lines(all.scheduleStatus);
  await Promise.all([lines.leave(ended), lines.leave(ended)]);
  await lines.leave(ended);
  expect(await all.scheduleStatus.findOne({ _id: ended.scheduleId })).toMatchObject({
    line: ['next'],
    failuresInRow: 5,
    lastRun: { runId: ended._id, state: 'failed', reason: 'broke', endedAt: new Date(7) },
  });
});

it('all that is cancelled or taken over is seen, and nothing else', async () => {
  using watch = new CancelWatch({ runs: all.runs, everyMs: 20 });
  const [quiet, cancelled, taken] = await Promise.all(
    Array.from({ length: 3 }, () => newRun({ processor: 'me/1' })),
  );
  const looks = [quiet, cancelled, taken].map((run) => watch.watch(run?._id ?? '', 'me/1'));
  await all.runs.updateOne(
    { _id: cancelled?._id ?? '' },
    { $set: { cancel: { who: 'x', why: '', at: new Date() } } },
  );
  await all.runs.updateOne({ _id: taken?._id ?? '' }, { $set: { processor: 'other/1' } });
  await until(() => looks[1]?.signal.aborted === true && looks[2]?.signal.aborted === true);
  expect(looks.map(({ signal }) => signal.reason as unknown)).toEqual([
    undefined,
    expect.any(RunCancelled),
    expect.any(RunTaken),
  ]);
  for (const look of looks) look[Symbol.dispose]();
});
