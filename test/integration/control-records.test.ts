import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from '@connectrpc/connect';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { withinProcess } from '../../cli/client/in-process.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { RUN_FIELDS_OF_AN_ATTEMPT, runIdOf, type Run } from '../../model/runs.ts';
import { RunService } from '../../proto/gen/the0/runtime/v1/runs_pb.js';
import { Lines } from '../../processors/runs/line.ts';
import { ScheduleControl } from '../../producers/control/schedules.ts';
import { deleteOldRuns } from '../../producers/schedules/retention.ts';
import { testServers } from '../support/servers.ts';
import { operator, scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

/** What operations write where no processor is there to help: all places are taken, say. */
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ann = { who: 'ann@desk', why: 'month end' };
// One day for all that follows, should it end meanwhile.
const today = Math.floor(Date.now() / DAY) * DAY;
const midnight = (daysAgo: number): Date => new Date(today - daysAgo * DAY);
let world: ScheduleWorld;
let control: ScheduleControl;
let scheduleId: string;

beforeAll(async () => {
  world = await scheduleWorld();
  const { collections, queues } = world;
  control = new ScheduleControl({
    collections,
    queues,
    operator,
    now: () => new Date(),
    newId: () => randomUUID(),
  });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  scheduleId = await world.create({ schedule: '0 0 * * *' });
  await world.planner.plan([scheduleId]);
});

const read = (runId: string): Promise<Run> => control.run(runId);
const record = (daysAgo: number, state: Run['state'], more: Partial<Run> = {}): Promise<string> => {
  const nominal = midnight(daysAgo);
  return world.addRun(scheduleId, state, { _id: runIdOf(scheduleId, nominal), nominal, ...more });
};
const hasJob = async (runId: string): Promise<boolean> =>
  (await world.queues.runsWithJobs([runId])).has(runId);
const lineUp = (...line: string[]) =>
  world.collections.scheduleStatus.updateOne({ _id: scheduleId }, { $set: { line } });
const backfill = (from: number, to = from) =>
  control.backfill({ scheduleId, from: midnight(from), to: midnight(to), ...ann });

/** An operation that is slow: this happens each time it has read a run, before it goes on. */
function afterReading(happens: (tries: number) => Promise<void>): ScheduleControl {
  const { collections, queues } = world;
  let tries = 0;
  const runs = new Proxy(collections.runs, {
    get: (target, name) =>
      name === 'findOne'
        ? async (...args: Parameters<typeof target.findOne>) => {
            const seen = await target.findOne(...args);
            tries += 1;
            await happens(tries);
            return seen;
          }
        : (Reflect.get(target, name) as unknown),
  });
  return new ScheduleControl({
    collections: { ...collections, runs },
    queues,
    operator,
    now: () => new Date(),
    newId: () => randomUUID(),
  });
}

describe('cancelling a run that waits', () => {
  it('ends it although no processor has a place, and calls the next one', async () => {
    const { run } = await control.runNow({ scheduleId, ...ann });
    const { run: next } = await control.runNow({ scheduleId, ...ann });
    const jobId = await world.queues.runs.getDeduplicationJobId(next._id);
    await world.queues.runs.remove(jobId ?? '');
    expect(await hasJob(next._id)).toBe(false);

    const outcome = await control.cancelRun({ runId: run._id, ...ann });
    expect(outcome).toMatchObject({ outcome: 'ended', run: { state: 'cancelled' } });
    const ended = await read(run._id);
    expect(ended).toMatchObject({
      state: 'cancelled',
      reason: 'Cancelled by ann@desk (month end) before it started.',
      cancel: ann,
      attempt: 0,
      steps: 1,
      processor: expect.stringMatching(/^control\//) as string,
      endedAt: expect.any(Date) as Date,
    });
    expect(ended).not.toHaveProperty('open');
    const status = await world.status(scheduleId);
    expect(status).toMatchObject({ line: [next._id], lastRun: { runId: run._id, state: 'cancelled' } });
    expect(await hasJob(next._id)).toBe(true);
    expect(await control.cancelRun({ runId: run._id, ...ann })).toMatchObject({ outcome: 'over' });
  });

  it('ends one whose end somebody else has asked for in vain, in his name', async () => {
    const { run } = await control.runNow({ scheduleId, ...ann });
    const cancel = { who: 'the0', why: 'a tick replaces it', at: new Date() };
    await world.collections.runs.updateOne({ _id: run._id }, { $set: { cancel } });
    const { run: ended } = await control.cancelRun({ runId: run._id, ...ann });
    expect(ended.reason).toBe('Cancelled by the0 (a tick replaces it) before it started.');
  });

  it('ends one that waits for its next attempt, and has its job take away what the last one left', async () => {
    const nextAttemptAt = new Date(world.now + HOUR);
    const first = { attempt: 1, outcome: 'failed' as const, reason: 'x', endedAt: new Date(world.now) };
    const more = { steps: 5, attempt: 1, attempts: [first], nextAttemptAt, exitCode: 9 };
    const id = await world.addRun(scheduleId, 'retrying', more);
    const { run: next } = await control.runNow({ scheduleId, ...ann });
    await lineUp(id, next._id);
    await world.queues.addRuns([{ runId: id, cause: 'tick', delayMs: HOUR }]);

    const { outcome, run } = await control.cancelRun({ runId: id, ...ann });
    expect(outcome).toBe('ended');
    expect(run).toMatchObject({
      state: 'cancelled',
      reason: 'Cancelled by ann@desk (month end) before attempt 2.',
      attempt: 1,
      attempts: [first],
      steps: 6,
    });
    expect(run).not.toHaveProperty('nextAttemptAt');
    expect(await world.line(scheduleId)).toEqual([next._id]);
    const jobs = await world.queues.runsWithJobs([id, next._id]);
    expect([jobs.get(id), jobs.get(next._id)]).toEqual([{ rank: 0 }, { rank: 0 }]);
  });

  it.each(['queued', 'retrying'] as const)(
    'ends one that is %s although a processor writes at that moment why it waits',
    async (state) => {
      const id = await world.addRun(scheduleId, state, { steps: 3, attempt: 1 });
      const racing = afterReading(async (tries) => {
        if (tries < 3) await world.collections.runs.updateOne({ _id: id }, { $inc: { steps: 1 } });
      });
      expect(await racing.cancelRun({ runId: id, ...ann })).toMatchObject({ outcome: 'ended' });
      expect(await read(id)).toMatchObject({ state: 'cancelled', steps: 6 });
    },
  );

  it.each(['queued', 'retrying'] as const)(
    'asks for the end of one that was %s where a processor was quicker',
    async (state) => {
      const id = await world.addRun(scheduleId, state, { steps: 3 });
      const racing = afterReading(async () => {
        await world.collections.runs.updateOne(
          { _id: id },
          { $set: { state: 'preparing', steps: 4, attempt: 1 } },
        );
      });
      expect(await racing.cancelRun({ runId: id, ...ann })).toMatchObject({ outcome: 'asked' });
      expect(await read(id)).toMatchObject({ state: 'preparing', steps: 4, open: true, cancel: ann });
    },
  );
});

describe('a backfill', () => {
  it('leaves times alone whose records retention has deleted, even once the schedule came back', async () => {
    for (let day = 1; day <= 30; day += 1) await record(day, 'succeeded');
    const { signal } = new AbortController();
    const keep = { days: 10, count: 1_000 };
    expect(await deleteOldRuns(world.collections, keep, { nowMs: Date.now(), signal })).toBeGreaterThan(10);
    const { begun, items } = await backfill(25, 1);
    expect(begun).toEqual([]);
    expect(items[0]).toMatchObject({
      action: 'left',
      why: 'its record was deleted by retention; whether it ran is not known',
    });
    expect(items.at(-1)).toMatchObject({ action: 'left', why: 'it succeeded' });

    await world.collections.scheduleStatus.deleteOne({ _id: scheduleId });
    expect((await backfill(25, 1)).begun).toEqual([]);
  });

  it('does not open a record whose run is still in line: whoever ended it is about to take it out', async () => {
    const id = await record(2, 'failed', { attempt: 1, updatedAt: new Date() });
    await lineUp(id);
    const refused = await backfill(2);
    expect(refused.items).toMatchObject([{ action: 'again' }]);
    expect(refused.begun).toEqual([]);
    expect(await read(id)).toMatchObject({ state: 'failed', attempts: [] });
    await lineUp();
    expect((await backfill(2)).begun).toEqual([id]);
    expect(await world.line(scheduleId)).toEqual([id]);
  });

  it('keeps its place in line although whoever ended it earlier comes late to take it out', async () => {
    const id = await record(2, 'failed', { attempt: 1, steps: 7 });
    const ended = await read(id);
    expect((await backfill(2)).begun).toEqual([id]);
    const lines = new Lines(world.collections.scheduleStatus);
    await lines.leave(ended);
    expect(await world.status(scheduleId)).toMatchObject({ line: [id], failuresInRow: 0 });

    // Of the end of the new opening there is a step; what remembers the earlier one goes with it.
    await lines.leave({ ...ended, steps: 8 });
    expect(await world.status(scheduleId)).toMatchObject({ line: [], entered: [], failuresInRow: 1 });
  });

  it('keeps it too where the reconciler had to put it in line', async () => {
    const id = await record(2, 'failed', { attempt: 1, steps: 7 });
    const ended = await read(id);
    await world.collections.runs.updateOne({ _id: id }, { $set: { state: 'queued', open: true } });
    await world.planner.resync();
    expect(await world.line(scheduleId)).toEqual([id]);
    const lines = new Lines(world.collections.scheduleStatus);
    await lines.leave(ended);
    expect(await world.line(scheduleId)).toEqual([id]);
    await world.collections.runs.updateOne(
      { _id: id },
      { $set: { state: 'failed', steps: 9, updatedAt: new Date(world.now - 60_000) }, $unset: { open: '' } },
    );
    await world.planner.resync();
    expect(await world.status(scheduleId)).toMatchObject({ line: [], entered: [] });
  });

  it('leaves nothing of the earlier opening in a record that it opens again', async () => {
    const at = new Date(world.now - HOUR);
    const earlier: Partial<Run> = {
      attempt: 2,
      startedAt: at,
      endedAt: at,
      deadline: at,
      nextAttemptAt: at,
      containerId: 'c1',
      image: 'python:3.11-slim',
      exitCode: 3,
      signal: 'SIGKILL',
      oomKilled: true,
      result: { trades: 1 },
      resultProblem: 'x',
      lastOutput: ['x'],
      stopping: { outcome: 'timed-out', reason: 'x', at },
      limits: { timeoutMs: 1, retries: 1, retryDelayMs: 1, firstAttempt: 1 },
      preparation: { since: at, failures: 2 },
      cancel: { ...ann, at },
    };
    const id = await record(2, 'timed-out', earlier);
    await backfill(2);
    const opened = await read(id);
    for (const field of [...RUN_FIELDS_OF_AN_ATTEMPT, 'limits', 'preparation', 'cancel'])
      expect(opened).not.toHaveProperty(field);
    expect(opened).toMatchObject({
      state: 'queued',
      open: true,
      attempt: 2,
      attempts: [{ attempt: 2, outcome: 'timed-out', exitCode: 3, containerId: 'c1' }],
    });
  });
});

describe('a laptop whose clock is an hour ahead', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks for a run that is due now', async () => {
    const { bots, schedules, runs } = world.collections;
    const environment = {
      ...testServers().environment,
      MONGO_BOTS_DATABASE: bots.dbName,
      MONGO_SCHEDULES_DATABASE: schedules.dbName,
      MONGO_RUNTIME_DATABASE: runs.dbName,
    };
    const target = { settings: loadSettings(environment), environment, origin: 'the test' };
    const { run } = await withinProcess(target, (transport) =>
      createClient(RunService, transport).runNow({ schedule: scheduleId, change: { reason: ann.why } }),
    );
    const [{ now } = { now: undefined }] = await runs
      .aggregate<{ now: Date }>([{ $match: { _id: run?.id ?? '' } }, { $project: { now: '$$NOW' } }])
      .toArray();
    expect(
      Math.abs((now?.getTime() ?? 0) - (run?.due === undefined ? 0 : timestampDate(run.due).getTime())),
    ).toBeLessThan(10_000);
  });
});
