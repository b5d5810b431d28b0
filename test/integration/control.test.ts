import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, findOverlaps, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { runIdOf } from '../../model/runs.ts';
import { InvalidRequest, NotFound, ScheduleInvalid, TooMuch } from '../../producers/control/errors.ts';
import { ScheduleControl } from '../../producers/control/schedules.ts';
import { newBotId, uploadCode } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { until } from '../support/poll.ts';
import { startTestScheduler, type TestRunner } from '../support/runner.ts';
import { configIn, finishRun, runContainers, runOf, scheduleStatusOf } from '../support/schedule-runs.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const ann = { who: 'ann@desk', why: 'month end' };
let scheduler: TestRunner;
let all: Collections;
let control: ScheduleControl;
let filePath: string;
let scheduleId: string;

const newControl = (queues?: ConstructorParameters<typeof ScheduleControl>[0]['queues']): ScheduleControl =>
  new ScheduleControl({
    collections: all,
    queues: queues ?? scheduler.services.scheduleQueues,
    operator: scheduleOperator(scheduler.context.settings),
    now: () => new Date(),
    newId: () => randomUUID(),
  });

/** A schedule that does not tick while a test runs, unless it says otherwise. */
async function newSchedule(config: Record<string, unknown> = {}, cron = '0 0 * * *'): Promise<void> {
  await all.schedules.insertOne(scheduleDocument({ id: scheduleId, filePath, cron, config }));
  await scheduleStatusOf(all, scheduleId, ({ phase }) => phase !== 'gone');
}

const finished = (runId: string, exitCode = 0): Promise<void> =>
  finishRun(engine, all, runId, { exitCode, result: { done: true } });

/** Containers of the schedule's runs, once one is up: a run is on record as running a moment before. */
const upOnes = () =>
  until(async () => {
    const found = await runContainers(engine, scheduleId);
    return found.length > 0 ? found : undefined;
  });

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  scheduler = await startTestScheduler({ environment: { ...environment, CHECK_INTERVAL: '1s' }, engine });
  all = scheduler.services.collections;
  control = newControl();
});

afterAll(async () => {
  await scheduler.stop();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});

beforeEach(() => {
  scheduleId = newBotId();
});

describe('run now', () => {
  it('runs once for each request id, with the parameters of the override, and keeps who and why', async () => {
    await newSchedule({ symbol: 'BTC', size: 1 });
    const request = { scheduleId, requestId: 'r-1', ...ann, configOverride: { size: 2 } };
    const first = await control.runNow(request);
    expect(first).toMatchObject({ created: true, run: { _id: `${scheduleId}@now-r-1`, kind: 'manual' } });
    expect(first.notQueued).toBeUndefined();
    const running = await runOf(all, first.run._id, ({ state }) => state === 'running');
    expect(await configIn(engine, running.containerId ?? '')).toMatchObject({ symbol: 'BTC', size: 2 });

    const again = await control.runNow({ ...request, why: 'another' });
    expect(again).toMatchObject({ created: false, run: { cause: 'run now by ann@desk: month end' } });
    await finished(first.run._id);
    const ended = await runOf(all, first.run._id, ({ state }) => state === 'succeeded');
    expect(ended).toMatchObject({
      result: { done: true },
      exitCode: 0,
      attempt: 1,
      request: { id: 'r-1', ...ann, configOverride: { size: 2 } },
    });
    expect(await control.runNow(request)).toMatchObject({ created: false, run: { state: 'succeeded' } });
    expect(await all.runs.countDocuments({ scheduleId })).toBe(1);
    const status = await scheduleStatusOf(all, scheduleId, ({ line }) => line.length === 0);
    expect(status.lastRun).toMatchObject({ runId: first.run._id, state: 'succeeded' });
  });

  it('keeps the line: a second one waits until the first is over', async () => {
    await newSchedule();
    const [first, second] = [
      await control.runNow({ scheduleId, ...ann }),
      await control.runNow({ scheduleId, ...ann }),
    ];
    await runOf(all, first.run._id, ({ state }) => state === 'running');
    expect((await all.scheduleStatus.findOne({ _id: scheduleId }))?.line).toEqual([
      first.run._id,
      second.run._id,
    ]);
    expect(await upOnes()).toHaveLength(1);
    expect((await control.run(second.run._id)).state).toBe('queued');
    await finished(first.run._id, 3);
    await finished(second.run._id);
    expect(await runOf(all, first.run._id, ({ open }) => open !== true)).toMatchObject({
      state: 'failed',
      exitCode: 3,
    });
    await runOf(all, second.run._id, ({ state }) => state === 'succeeded');
  });

  it('is on record while Redis is away, and is queued by the reconciler', async () => {
    await newSchedule();
    const away = (): Promise<never> => Promise.reject(new Error('Redis is away'));
    const offline = newControl({ addRuns: away });
    const { run, notQueued } = await offline.runNow({ scheduleId, ...ann });
    expect(notQueued).toBe('Redis is away');
    await finished(run._id);
    await runOf(all, run._id, ({ state }) => state === 'succeeded');
  });

  it('refuses what cannot run, with the field and its cure', async () => {
    await expect(control.runNow({ scheduleId: 'nobody', ...ann })).rejects.toThrow(NotFound);
    await newSchedule({ timeout: -1 });
    await expect(control.runNow({ scheduleId, ...ann })).rejects.toThrow(ScheduleInvalid);
    await all.schedules.updateOne({ id: scheduleId }, { $set: { 'config.timeout': '5s' } });
    const wrong = control.runNow({ scheduleId, ...ann, configOverride: { timeout: 'soon' } });
    await expect(wrong).rejects.toThrow(InvalidRequest);
    await expect(wrong).rejects.toMatchObject({ field: 'configOverride', code: 'invalid_request' });
    await expect(wrong).rejects.toThrow(/config.timeout is "soon"/);
    expect(await all.runs.countDocuments({ scheduleId })).toBe(0);
  });
});

describe('cancel', () => {
  it('stops a run that is on, never starts one that waits, and says so of one that is over', async () => {
    await newSchedule();
    const { run: on } = await control.runNow({ scheduleId, ...ann });
    const { run: waiting } = await control.runNow({ scheduleId, ...ann });
    await runOf(all, on._id, ({ state }) => state === 'running');
    expect(await control.cancelRun({ runId: waiting._id, ...ann })).toMatchObject({ outcome: 'ended' });
    const never = await runOf(all, waiting._id, ({ state }) => state === 'cancelled');
    expect(never).toMatchObject({ attempt: 0, cancel: ann });
    expect(await control.cancelRun({ runId: on._id, ...ann })).toMatchObject({ outcome: 'asked' });
    await runOf(all, on._id, ({ state }) => state === 'cancelled');
    expect(await runContainers(engine, scheduleId)).toEqual([]);
    expect(await control.cancelRun({ runId: on._id, ...ann })).toMatchObject({
      outcome: 'over',
      run: { state: 'cancelled' },
    });
    await scheduleStatusOf(all, scheduleId, ({ line }) => line.length === 0);
    await expect(control.cancelRun({ runId: 'nobody@now-1', ...ann })).rejects.toThrow(NotFound);
    await expect(control.cancelRun({ runId: on._id, who: 'ann', why: ' ' })).rejects.toThrow(/say why/);
  });

  it('ends a run that waits for its next attempt at once', async () => {
    await newSchedule({ retries: { count: 3, delay: '1h' } });
    const { run } = await control.runNow({ scheduleId, ...ann });
    await finished(run._id, 1);
    await runOf(all, run._id, ({ state }) => state === 'retrying');
    await control.cancelRun({ runId: run._id, ...ann });
    const over = await runOf(all, run._id, ({ state }) => state === 'cancelled', 5_000);
    expect(over.attempts).toMatchObject([{ attempt: 1, outcome: 'failed', exitCode: 1 }]);
  });
});

describe('pause and resume', () => {
  it('hold a schedule that ticks, keep the first who and why, and go on with the next time', async () => {
    await newSchedule({}, '* * * * * *');
    const first = await until(() => all.runs.findOne({ scheduleId, state: 'running' }));
    expect(await control.pause({ scheduleId, ...ann })).toMatchObject({ changed: true, hold: ann });
    expect(await control.pause({ scheduleId, who: 'bob', why: 'too' })).toMatchObject({
      changed: false,
      hold: ann,
    });
    const paused = await scheduleStatusOf(all, scheduleId, ({ phase }) => phase === 'paused');
    expect(paused.reason).toContain('ann@desk');
    expect(paused.nextAt).toBeUndefined();
    // What is on goes on, and so does what a person asks for.
    await finished(first._id);
    await runOf(all, first._id, ({ state }) => state === 'succeeded');
    const { run } = await control.runNow({ scheduleId, ...ann });
    await finished(run._id);
    await runOf(all, run._id, ({ state }) => state === 'succeeded');

    const pausedAt = Date.now();
    expect(await control.resume({ scheduleId })).toMatchObject({ changed: true });
    expect(await control.resume({ scheduleId })).toEqual({ changed: false });
    await scheduleStatusOf(all, scheduleId, ({ phase }) => phase === 'active');
    const next = await until(() =>
      all.runs.findOne({ scheduleId, kind: 'tick', createdAt: { $gt: new Date(pausedAt) } }),
    );
    expect(next.nominal.getTime()).toBeGreaterThan(pausedAt);
    await control.pause({ scheduleId, ...ann });
  });
});

it('a pause that asks for it ends what runs and what waits', async () => {
  await newSchedule({ overlap: { policy: 'allow', max: 1 } });
  const [going, waiting] = [
    (await control.runNow({ scheduleId, ...ann, requestId: 'one' })).run._id,
    (await control.runNow({ scheduleId, ...ann, requestId: 'two' })).run._id,
  ];
  await runOf(all, going, ({ state }) => state === 'running');
  const paused = await control.pause({ scheduleId, ...ann, cancelRuns: true });
  expect(paused.cancelled.toSorted()).toEqual([going, waiting].toSorted());
  for (const id of [going, waiting]) await runOf(all, id, ({ state }) => state === 'cancelled');
  // Asked again, there is nothing left to end.
  expect(await control.pause({ scheduleId, ...ann, cancelRuns: true })).toMatchObject({
    changed: false,
    cancelled: [],
  });
});

describe('backfill', () => {
  const dayMs = 86_400_000;
  // One day for all that follows, should it end meanwhile.
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  const midnight = (daysAgo: number): Date => new Date(today - daysAgo * dayMs);
  const span = { from: midnight(3), to: midnight(1) };

  it('shows first, then runs what is missing, in order and one at a time', async () => {
    await newSchedule();
    const plan = await control.planBackfill({ scheduleId, ...span });
    expect(plan.items.map(({ action, nominal }) => [action, nominal])).toEqual([
      ['new', midnight(3)],
      ['new', midnight(2)],
      ['new', midnight(1)],
    ]);
    expect(await all.runs.countDocuments({ scheduleId })).toBe(0);

    const done = await control.backfill({ scheduleId, ...span, ...ann });
    expect(done.begun).toEqual([3, 2, 1].map((days) => runIdOf(scheduleId, midnight(days))));
    for (const [place, runId] of done.begun.entries()) {
      await runOf(all, runId, ({ state }) => state === 'running');
      expect(await upOnes()).toHaveLength(1);
      await finished(runId, place === 1 ? 4 : 0);
    }
    await scheduleStatusOf(all, scheduleId, ({ line }) => line.length === 0);
    const records = await all.runs.find({ scheduleId }).sort({ nominal: 1 }).toArray();
    expect(records.map(({ state, kind, cause }) => [state, kind, cause])).toEqual([
      ['succeeded', 'tick', 'backfill by ann@desk: month end'],
      ['failed', 'tick', 'backfill by ann@desk: month end'],
      ['succeeded', 'tick', 'backfill by ann@desk: month end'],
    ]);
  });

  it('opens what failed again, with one attempt more, and never what succeeded', async () => {
    await newSchedule();
    const { begun } = await control.backfill({ scheduleId, ...span, ...ann });
    const [one = '', two = '', three = ''] = begun;
    await finished(one);
    await finished(two, 4);
    await control.cancelRun({ runId: three, ...ann });
    await runOf(all, three, ({ state }) => state === 'cancelled');
    await runOf(all, two, ({ state }) => state === 'failed');
    // A run is over a moment before it leaves the line, and is not opened again before it has.
    await scheduleStatusOf(all, scheduleId, ({ line }) => line.length === 0);

    const plan = await control.planBackfill({ scheduleId, ...span });
    expect(plan.items.map(({ action, state }) => [action, state])).toEqual([
      ['left', 'succeeded'],
      ['again', 'failed'],
      ['again', 'cancelled'],
    ]);
    const twice = await Promise.all([
      control.backfill({ scheduleId, ...span, ...ann }),
      control.backfill({ scheduleId, ...span, ...ann }),
    ]);
    expect(twice.flatMap((outcome) => outcome.begun).sort()).toEqual([two, three].sort());
    // Each took a part, so either may be first in line.
    await Promise.all([finished(two), finished(three)]);
    const again = await runOf(all, two, ({ state }) => state === 'succeeded');
    expect(again).toMatchObject({ attempt: 2, exitCode: 0, attempts: [{ attempt: 1, exitCode: 4 }] });
    const after = await runOf(all, three, ({ state }) => state === 'succeeded');
    expect(after.cancel).toBeUndefined();
    const left = await control.backfill({ scheduleId, ...span, ...ann });
    expect(left.begun).toEqual([]);
    expect(await all.runs.countDocuments({ scheduleId })).toBe(3);
  });

  it('has bounds, and says which', async () => {
    await newSchedule({}, '* * * * * *');
    await control.pause({ scheduleId, ...ann });
    await expect(control.planBackfill({ scheduleId, ...span })).rejects.toThrow(TooMuch);
    const backwards = control.planBackfill({ scheduleId, from: span.to, to: span.from });
    await expect(backwards).rejects.toMatchObject({ field: 'to' });
  });
});

it('previews a stored schedule', async () => {
  await newSchedule({ timezone: 'Asia/Tokyo' }, '30 9 * * *');
  const { times, zone } = await control.preview({ scheduleId, count: 2 });
  expect(zone).toBe('Asia/Tokyo');
  expect(times).toHaveLength(2);
  for (const time of times) {
    expect(time.utc).toContain('T00:30:00');
    expect(time.zoneTime).toContain('09:30:00 +09:00');
  }
});
