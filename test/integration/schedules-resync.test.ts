import { alarmTime } from '../../queues/alarm-time.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { timingOf } from '../../model/cron/parse.ts';
import type { ScheduleLook } from '../../producers/schedules/planner.ts';
import { scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

const YEARLY = timingOf('CRON_TZ=UTC 0 0 1 1 *');
const newYear = (): number => YEARLY.next(Date.now()) ?? NaN;
const newYearAlarm = (): number => alarmTime(YEARLY, Date.now()) ?? NaN;
const QUIET = {
  changed: 0,
  contested: 0,
  alarmsSet: 0,
  alarmsRemoved: 0,
  linesMended: 0,
  runsQueued: 0,
};
let world: ScheduleWorld;

beforeAll(async () => {
  world = await scheduleWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const { schedules, scheduleStatus, runs, holds } = world.collections;
  for (const collection of [schedules, scheduleStatus, runs, holds]) await collection.deleteMany({});
  await world.planner.resync();
  for (const queue of Object.values(world.queues.byName)) await queue.obliterate({ force: true });
});

const look = (): Promise<ScheduleLook> => world.planner.resync();
const repeatKey = (): string => world.queues.ticks.toKey('repeat');
const jobs = async () => {
  const found = await world.queues.runs.getJobs(['waiting', 'prioritized', 'delayed']);
  return found.map(({ data: { runId }, opts: { delay = 0, priority } }) => ({ runId, delay, priority }));
};

describe('a look at every schedule', () => {
  it('plans what nobody planned, page by page, and finds all well the next time', async () => {
    const ids = Array.from({ length: 2_345 }, (_, index) => `many-${String(index).padStart(5, '0')}`);
    await world.collections.schedules.insertMany(
      ids.map((id, index) => ({ id, config: { schedule: '0 0 1 1 *', enabled: index % 10 !== 0 } })),
    );
    expect(await look()).toMatchObject({ ...QUIET, schedules: 2_345, active: 2_110, changed: 2_345 });
    expect((await world.queues.alarms()).size).toBe(2_110);
    expect(await look()).toMatchObject({ ...QUIET, schedules: 2_345, active: 2_110 });

    await world.collections.schedules.deleteMany({});
    expect(await look()).toMatchObject({ ...QUIET, schedules: 0, active: 0, changed: 2_345 });
    expect(await world.collections.scheduleStatus.countDocuments()).toBe(0);
    expect((await world.queues.alarms()).size).toBe(0);
  });

  it('goes on behind a full page in which an id cannot be used', async () => {
    const ids = Array.from({ length: 1_500 }, (_, index) => `many-${String(index).padStart(5, '0')}`);
    const tooLong = `many-00500-${'x'.repeat(1_024)}`;
    await world.collections.schedules.insertMany(
      [...ids, tooLong].map((id) => ({ id, config: { schedule: '0 0 1 1 *' } })),
    );
    expect(await look()).toMatchObject({ ...QUIET, schedules: 1_500, active: 1_500, changed: 1_500 });
    expect((await world.queues.alarms()).size).toBe(1_500);
  });

  it('mends alarms that are missing, stale, broken or superfluous', async () => {
    const [missing, stale, broken, waiting, stopped] = await Promise.all(
      Array.from({ length: 5 }, () => world.create()),
    );
    await look();
    await world.queues.removeAlarm(missing!);
    await world.queues.setAlarm(stale!, 'CRON_TZ=UTC * * * * * *');
    const past = Date.now() - 60_000;
    await world.redis.zadd(repeatKey(), past, broken!);
    await world.redis.zadd(repeatKey(), past, waiting!);
    await world.redis.hset(world.queues.ticks.toKey(`repeat:${waiting}:${past}`), 'name', 'waits its turn');
    await world.queues.setAlarm('nobody', YEARLY.text);
    await world.configure(stopped!, { enabled: false });
    await world.planner.plan([stopped!]);
    await world.queues.setAlarm(stopped!, YEARLY.text);

    expect(await look()).toMatchObject({ ...QUIET, alarmsSet: 3, alarmsRemoved: 2 });
    expect(await world.queues.alarms()).toEqual(
      new Map([
        [missing!, newYearAlarm()],
        [stale!, newYearAlarm()],
        [broken!, newYearAlarm()],
        // Whoever takes that job sets its next alarm.
        [waiting!, past],
      ]),
    );
    await world.redis.del(world.queues.ticks.toKey(`repeat:${waiting}:${past}`));
    expect(await look()).toMatchObject({ ...QUIET, alarmsSet: 1 });
  });

  it('mends what a document announces, if a write of it was lost', async () => {
    const id = await world.create();
    await look();
    await world.collections.schedules.updateOne({ id }, { $set: { next_execution_time: 7 } });
    await look();
    expect(await world.announced(id)).toBe(newYear());
  });

  it('begins a schedule that changed while nobody listened', async () => {
    const id = await world.create();
    await look();
    await world.configure(id, { schedule: '0 0 1 * *' });
    expect(await look()).toMatchObject({ ...QUIET, changed: 1 });
    expect((await world.status(id)).timing).toBe(timingOf('CRON_TZ=UTC 0 0 1 * *').text);
  });
});

describe('a line', () => {
  const setLine = (id: string, ...line: string[]) =>
    world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { line } });

  it('is rid of runs that are over, as whoever ended them would have done it', async () => {
    const id = await world.create();
    await look();
    const [failed, queued] = [await world.addRun(id, 'failed'), await world.addRun(id, 'queued')];
    await setLine(id, failed, queued);
    expect(await look()).toMatchObject({ ...QUIET, linesMended: 1, runsQueued: 1 });
    const endedAt = new Date(world.now - 60_000);
    expect(await world.status(id)).toMatchObject({
      line: [queued],
      lastRun: { runId: failed, state: 'failed', endedAt, reason: 'it is failed' },
      failuresInRow: 1,
    });
    expect(await jobs()).toEqual([{ runId: queued, delay: 0, priority: 1 }]);
    expect(await look()).toMatchObject(QUIET);
  });

  it('is not touched where a run ended or was made only just now', async () => {
    const id = await world.create();
    await look();
    const now = new Date(world.now);
    const ended = await world.addRun(id, 'succeeded', { updatedAt: now });
    await world.addRun(id, 'queued', { createdAt: now });
    await setLine(id, ended);
    expect(await look()).toMatchObject(QUIET);
    expect(await world.line(id)).toEqual([ended]);
  });

  it('is rid of an entry without a record once it has been so for long', async () => {
    const id = await world.create();
    await look();
    await setLine(id, 'never recorded');
    expect(await look()).toMatchObject(QUIET);
    world.now += 9_000;
    expect(await look()).toMatchObject(QUIET);
    world.now += 2_000;
    expect(await look()).toMatchObject({ ...QUIET, linesMended: 1 });
    expect(await world.line(id)).toEqual([]);
  });

  it('gets the open runs that it lacks, those at work first, unless a handler has it in hand', async () => {
    const id = await world.create({ overlap: { policy: 'allow', max: 2 } });
    await look();
    const inLine = await world.addRun(id, 'queued');
    await setLine(id, inLine);
    const queued = await world.addRun(id, 'queued');
    const running = await world.addRun(id, 'running');
    const until = new Date(Date.now() + 60_000);
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { claim: { owner: 'x', until } } });
    expect((await look()).linesMended).toBe(0);
    await world.collections.scheduleStatus.updateOne({ _id: id }, { $set: { claim: null } });
    expect((await look()).linesMended).toBe(2);
    expect(await world.line(id)).toEqual([running, inLine, queued]);
    expect((await jobs()).map(({ runId }) => runId).toSorted()).toEqual([running, inLine].toSorted());
  });

  it('of a schedule that is gone without a trace is made for the runs that are left', async () => {
    const runId = await world.addRun('gone-schedule', 'running');
    await look();
    expect(await world.status('gone-schedule')).toMatchObject({ phase: 'gone', line: [runId] });
    expect(await look()).toMatchObject({ ...QUIET, runsQueued: 1 });
    expect(await jobs()).toMatchObject([{ runId }]);
  });

  it('after Redis was emptied, has jobs again for those that may go, each after its own wait', async () => {
    const id = await world.create({ overlap: { policy: 'allow', max: 3 } });
    await look();
    const line = [
      await world.addRun(id, 'running'),
      await world.addRun(id, 'queued', { due: new Date(world.now + 5_000) }),
      await world.addRun(id, 'retrying', { nextAttemptAt: new Date(world.now + 9_000) }),
      await world.addRun(id, 'queued'),
      await world.addRun(id, 'queued', { cancel: { who: 'a', why: 'b', at: new Date() } }),
    ];
    await setLine(id, ...line);
    await look();
    const queued = await jobs();
    const jobOf = (index: number) => queued.find(({ runId }) => runId === line[index]);
    expect([0, 1, 2, 4].map(jobOf)).toEqual([
      // What may have a container goes first: nobody watches it.
      { runId: line[0], delay: 0, priority: undefined },
      { runId: line[1], delay: 5_000, priority: 2 },
      { runId: line[2], delay: 9_000, priority: 3 },
      { runId: line[4], delay: 0, priority: 5 },
    ]);
    expect(jobOf(3)).toBeUndefined();
  });

  describe('whose jobs are delayed', () => {
    const minute = 60_000;
    /** By the host's clock, as jobs are; of a run that waits until so much from now by the trusted one. */
    const delayed = async (delayMs: number, state: 'queued' | 'running' | 'preparing', waitMs = -1) => {
      const id = await world.create();
      await look();
      const runId = await world.addRun(id, state, { due: new Date(world.now + waitMs) });
      await setLine(id, runId);
      await world.queues.addRuns([{ runId, cause: 'delayed', delayMs }]);
      return runId;
    };
    const left = async () => (await jobs()).map(({ runId, delay }) => [runId, delay]);

    it.each([
      ['queued', 60 * minute, -1],
      ['running', 20_000, -1],
      ['preparing', 20_000, -1],
      ['queued', 60 * minute, 10 * minute],
      // Delayed by a host whose clock was right, as against ours; its time has come long ago.
      ['queued', 5_000, -20_000],
    ] as const)(
      'too far by a clock that was ahead gets another one: %s, %i ms',
      async (state, delayMs, waitMs) => {
        const runId = await delayed(delayMs, state, waitMs);
        expect(await look()).toMatchObject({ ...QUIET, runsQueued: 1 });
        expect(await left()).toEqual([[runId, Math.max(0, waitMs)]]);
      },
    );

    it.each([
      ['queued', 9_000, -1],
      ['running', 9_000, -1],
      ['queued', 10 * minute, 10 * minute],
    ] as const)('as handlers do it are left alone: %s, %i ms', async (state, delayMs, waitMs) => {
      const runId = await delayed(delayMs, state, waitMs);
      expect(await look()).toMatchObject(QUIET);
      expect(await left()).toEqual([[runId, delayMs]]);
    });
  });
});
