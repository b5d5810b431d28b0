import { alarmTime } from '../../queues/alarm-time.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timingOf } from '../../model/cron/parse.ts';
import { scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let world: ScheduleWorld;

beforeAll(async () => {
  world = await scheduleWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const YEARLY = timingOf('CRON_TZ=UTC 0 0 1 1 *');
const MONTHLY = timingOf('CRON_TZ=UTC 0 0 1 * *');
const newYear = (afterMs: number): number => YEARLY.next(afterMs) ?? NaN;
const newYearAlarm = (): number => alarmTime(YEARLY, Date.now()) ?? NaN;
const plan = (id: string): Promise<void> => world.planner.plan([id]);
const hold = (id: string) =>
  world.collections.holds.insertOne({ _id: id, who: 'ann', why: 'incident 7', at: new Date() });
const isStopped = async (id: string): Promise<void> => {
  const status = await world.status(id);
  for (const field of ['timing', 'zone', 'handledThrough', 'nextAt'])
    expect(status).not.toHaveProperty(field);
  expect(await world.alarm(id)).toBeUndefined();
  expect(await world.announced(id)).toBeUndefined();
};

describe('a schedule', () => {
  it('that is new ticks from now on', async () => {
    const id = await world.create();
    await plan(id);
    expect(await world.status(id)).toEqual({
      _id: id,
      phase: 'active',
      reason: 'It ticks by "0 0 1 1 *" in UTC.',
      since: new Date(world.now),
      updatedAt: new Date(world.now),
      timing: YEARLY.text,
      zone: 'UTC',
      handledThrough: new Date(world.now),
      nextAt: new Date(newYear(world.now)),
      line: [],
      failuresInRow: 0,
    });
    expect(await world.alarm(id)).toBe(newYearAlarm());
    expect(await world.announced(id)).toBe(newYear(world.now));
    const [stored] = await world.collections.schedules
      .find({ id }, { promoteLongs: false })
      .project<{ type: string }>({ type: { $type: '$next_execution_time' } })
      .toArray();
    expect(stored?.type).toBe('long');
  });

  it.each([
    ['disabled by its owner', { enabled: false }, async () => undefined, 'disabled', /owner disabled it/],
    ['held', {}, hold, 'paused', /ann: incident 7/],
    [
      'wrong in its cron',
      { schedule: '0 0 30 2 *' },
      async () => undefined,
      'invalid',
      /config\.schedule.*never fires/,
    ],
    [
      'wrong in two ways',
      { timezone: 'Mars', overlap: 'alow' },
      async () => undefined,
      'invalid',
      /config\.timezone.*config\.overlap/,
    ],
    ['without a schedule', { schedule: undefined }, async () => undefined, 'invalid', /config\.schedule/],
  ])('that is %s does not tick, and says why', async (_what, config, alter, phase, reason) => {
    for (const begunBefore of [false, true]) {
      const id = await world.create(begunBefore ? {} : config);
      if (begunBefore) await plan(id);
      if (begunBefore) await world.configure(id, { schedule: '0 0 1 1 *', ...config });
      await alter(id);
      await plan(id);
      expect(await world.status(id)).toMatchObject({
        phase,
        reason: expect.stringMatching(reason) as string,
        failuresInRow: 0,
      });
      await isStopped(id);
    }
  });

  it('that is enabled again, released or corrected does not fire at once', async () => {
    const disabled = await world.create({ enabled: false }, { next_execution_time: 1 });
    const held = await world.create();
    const wrong = await world.create({ schedule: 'every day' });
    await hold(held);
    const ids = [disabled, held, wrong];
    await world.planner.plan(ids);
    world.now += 10_000;
    await world.configure(disabled, { schedule: '* * * * * *' });
    await world.configure(wrong, { schedule: '* * * * * *' });
    await world.collections.holds.deleteOne({ _id: held });
    const plannedAt = Date.now();
    await world.planner.plan(ids);
    for (const id of ids) {
      const status = await world.status(id);
      expect(status).toMatchObject({
        phase: 'active',
        since: new Date(world.now),
        handledThrough: new Date(world.now),
      });
      expect(status.nextAt?.getTime()).toBeGreaterThan(world.now);
      expect(await world.alarm(id)).toBeGreaterThan(plannedAt);
    }
  });

  it('whose timing changes starts anew, with nothing caught up', async () => {
    const id = await world.create({ schedule: '0 0 1 1 *' });
    await plan(id);
    const { since } = await world.status(id);
    world.now += 10_000;
    await world.configure(id, { schedule: '0 0 1 * *', timezone: 'Europe/Berlin' });
    await plan(id);
    const timing = timingOf('CRON_TZ=Europe/Berlin 0 0 1 * *');
    expect(await world.status(id)).toMatchObject({
      since,
      zone: 'Europe/Berlin',
      timing: timing.text,
      handledThrough: new Date(world.now),
      nextAt: new Date(timing.next(world.now) ?? NaN),
    });
    expect(await world.alarm(id)).toBe(alarmTime(timing, Date.now()));
    expect(await world.announced(id)).toBe(timing.next(world.now));
  });

  it('whose config changes in what is not its timing goes on as before', async () => {
    const id = await world.create();
    await plan(id);
    const before = await world.status(id);
    world.now += 10_000;
    await world.configure(id, { schedule: ' 0  0 1 1 * ', overlap: 'replace', symbols: ['BTC'] });
    await plan(id);
    expect(await world.status(id)).toEqual(before);
  });

  it.each([
    ['missed a moment ago', -60_000, -60_001],
    ['missed before the misfire window', -3 * DAY, -HOUR],
    ['still to come', HOUR, 0],
  ])('of the reference runtime that was %s is adopted so', async (_what, seconds, from) => {
    const nextMs = Math.floor((world.now + seconds) / 1000) * 1000;
    const id = await world.create({}, { next_execution_time: nextMs / 1000 });
    await plan(id);
    const expected = from === -60_001 ? nextMs - 1 : world.now + from;
    expect((await world.status(id)).handledThrough).toEqual(new Date(expected));
    expect(await world.announced(id)).toBe(newYear(world.now));
  });

  it('that is deleted is forgotten, its hold or not, once its line is empty', async () => {
    const [idle, busy] = [await world.create(), await world.create()];
    await world.planner.plan([idle, busy]);
    const runId = await world.addRun(busy, 'running');
    await world.collections.scheduleStatus.updateOne({ _id: busy }, { $push: { line: runId } });
    await world.collections.schedules.deleteMany({ id: { $in: [idle, busy] } });
    await world.planner.plan([idle, busy]);
    expect(await world.collections.scheduleStatus.findOne({ _id: idle })).toBeNull();
    expect(await world.alarm(idle)).toBeUndefined();
    expect(await world.status(busy)).toMatchObject({ phase: 'gone', line: [runId] });
    await isStopped(busy);
    await world.collections.scheduleStatus.updateOne({ _id: busy }, { $pull: { line: runId } });
    await world.collections.runs.deleteOne({ _id: runId });
    await plan(busy);
    expect(await world.collections.scheduleStatus.findOne({ _id: busy })).toBeNull();
  });

  it('that nobody has planned has its runs in line from the start', async () => {
    const id = await world.create();
    const queued = await world.addRun(id, 'queued');
    const running = await world.addRun(id, 'running');
    await world.addRun(id, 'succeeded');
    await plan(id);
    expect(await world.line(id)).toEqual([running, queued]);
  });
});

describe('a handler and the planner', () => {
  const claim = (id: string, untilMs: number) =>
    world.collections.scheduleStatus.updateOne(
      { _id: id },
      { $set: { claim: { owner: 'handler', until: new Date(Date.now() + untilMs) } } },
    );

  it('the planner waits while a handler has the schedule in hand', async () => {
    const id = await world.create();
    await plan(id);
    await claim(id, 60_000);
    await world.configure(id, { schedule: '0 0 1 1 *', enabled: false });
    await plan(id);
    expect((await world.status(id)).phase).toBe('active');
    await world.planner.again();
    expect((await world.status(id)).phase).toBe('active');
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { claim: null } });
    await world.planner.again();
    expect((await world.status(id)).phase).toBe('disabled');
    await isStopped(id);
  });

  it('a claim that has lapsed is no obstacle, and is void afterwards', async () => {
    const id = await world.create();
    await plan(id);
    await claim(id, -1);
    await world.configure(id, { schedule: '0 0 1 1 *', enabled: false });
    await plan(id);
    expect(await world.status(id)).toMatchObject({ phase: 'disabled', claim: null });
  });

  it('a new timing waits until the due tick of the old one is recorded', async () => {
    const id = await world.create();
    await plan(id);
    const due = new Date(world.now - 10);
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { nextAt: due } });
    await world.configure(id, { schedule: '0 0 1 * *' });
    await plan(id);
    expect(await world.status(id)).toMatchObject({ timing: YEARLY.text, nextAt: due });
    await world.collections.scheduleStatus.updateOne(
      { _id: id },
      { $set: { handledThrough: due, nextAt: new Date(newYear(world.now)) } },
    );
    await world.planner.again();
    expect((await world.status(id)).timing).toBe(MONTHLY.text);
  });

  it('a schedule that was disabled keeps its next time until the due tick is recorded', async () => {
    const id = await world.create();
    await plan(id);
    const due = new Date(world.now - 10);
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { nextAt: due } });
    await world.configure(id, { schedule: '0 0 1 1 *', enabled: false });
    await plan(id);
    expect(await world.status(id)).toMatchObject({ phase: 'active', timing: YEARLY.text, nextAt: due });
    // As the handler leaves it.
    await world.collections.scheduleStatus.updateOne(
      { _id: id },
      { $set: { handledThrough: due }, $unset: { nextAt: true } },
    );
    await world.planner.again();
    expect((await world.status(id)).phase).toBe('disabled');
    await isStopped(id);
  });

  it('a schedule that a handler let go is begun anew if it is well after all', async () => {
    const id = await world.create();
    await plan(id);
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $unset: { nextAt: true } });
    world.now += 5_000;
    await plan(id);
    expect(await world.status(id)).toMatchObject({
      handledThrough: new Date(world.now),
      nextAt: new Date(newYear(world.now)),
    });
  });

  it('an alarm that could not be set is set as soon as Redis takes it, whatever is planned then', async () => {
    const id = await world.create();
    let away = true;
    const planner = world.anotherPlanner({
      setAlarm: (...alarm) =>
        away ? Promise.reject(new Error('Redis is away')) : world.queues.setAlarm(...alarm),
    });
    await expect(planner.plan([id])).rejects.toThrow('Redis is away');
    expect((await world.status(id)).phase).toBe('active');
    away = false;
    await planner.again();
    expect(await world.alarm(id)).toBe(newYearAlarm());
  });

  it('two planners at once come to the same end', async () => {
    const other = world.anotherPlanner();
    const ids = await Promise.all(Array.from({ length: 30 }, () => world.create()));
    await Promise.all([world.planner.plan(ids), other.plan(ids), world.planner.resync(), other.resync()]);
    for (const id of ids) {
      expect(await world.status(id)).toMatchObject({ phase: 'active', nextAt: new Date(newYear(world.now)) });
      expect(await world.alarm(id)).toBe(newYearAlarm());
    }
  });
});
