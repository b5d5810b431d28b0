import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Run, RunState } from '../../model/runs.ts';
import { deleteOldRuns } from '../../producers/schedules/retention.ts';
import { scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

const DAY = 24 * 3_600_000;
let world: ScheduleWorld;

beforeAll(async () => {
  world = await scheduleWorld();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await world.collections.runs.deleteMany({});
  await world.collections.runRetention.deleteMany({});
});

const daysAgo = (days: number): Date => new Date(world.now - days * DAY);
/** Runs of a schedule, one a day, the newest today. */
async function daily(
  scheduleId: string,
  days: number,
  state: RunState = 'succeeded',
  more: Partial<Run> = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let day = 0; day < days; day += 1)
    ids.push(await world.addRun(scheduleId, state, { nominal: daysAgo(day), ...more }));
  return ids;
}
const recordsFrom = async (scheduleId: string): Promise<Date | undefined> =>
  (await world.collections.runRetention.findOne({ _id: scheduleId }))?.recordsFrom;
const clean = (keep: { days: number; count: number }, signal = new AbortController().signal) =>
  deleteOldRuns(world.collections, keep, { nowMs: world.now, signal });
const left = async (scheduleId: string): Promise<string[]> => {
  const runs = await world.collections.runs.find({ scheduleId }).sort({ nominal: -1 }).toArray();
  return runs.map(({ _id }) => _id);
};

it('deletes what is too old, but for the last ten of each schedule', async () => {
  const [often, seldom] = [await daily('often', 40), await daily('seldom', 12)];
  // All of a schedule that has not run for a year are old.
  const rested = await world.addRun('rested', 'failed', { nominal: new Date(world.now - 365 * DAY) });
  expect(await clean({ days: 20.5, count: 1_000 })).toBe(19);
  expect(await left('often')).toEqual(often.slice(0, 21));
  expect(await left('seldom')).toEqual(seldom);
  expect(await left('rested')).toEqual([rested]);
  expect(await clean({ days: 1, count: 1_000 })).toBe(11 + 2);
  expect(await left('often')).toEqual(often.slice(0, 10));
});

it('deletes what is too many, however young', async () => {
  const ids = await daily('s', 40);
  expect(await clean({ days: 365, count: 15 })).toBe(25);
  expect(await left('s')).toEqual(ids.slice(0, 15));
  expect(await clean({ days: 365, count: 1 })).toBe(5);
  expect(await left('s')).toEqual(ids.slice(0, 10));
});

it('counts ticks that were skipped apart from those that ran', async () => {
  const ran = await daily('s', 20, 'failed');
  const skipped = await daily('s', 60, 'skipped', { nominal: new Date(world.now) });
  expect(await clean({ days: 365, count: 15 })).toBe(5);
  expect((await left('s')).filter((id) => ran.includes(id))).toEqual(ran.slice(0, 15));
  await world.collections.runs.deleteMany({ _id: { $in: skipped } });
  await daily('s', 40, 'skipped');
  expect(await clean({ days: 365, count: 15 })).toBe(25);
  expect(await world.collections.runs.countDocuments({ scheduleId: 's', state: 'skipped' })).toBe(15);
  // The last ten of each, when all are old.
  expect(await clean({ days: 0, count: 15 })).toBe(10);
  expect(await world.collections.runs.countDocuments({ scheduleId: 's', state: 'skipped' })).toBe(10);
});

it('deletes what a person asked for by age alone: its record makes the request the same', async () => {
  const ids = await daily('s', 40, 'succeeded', { kind: 'manual' });
  expect(await clean({ days: 365, count: 10 })).toBe(0);
  expect(await clean({ days: 30.5, count: 10 })).toBe(9);
  expect(await left('s')).toEqual(ids.slice(0, 31));
  expect(await recordsFrom('s')).toBeUndefined();
});

it('tells since when records of what ran are complete, and never takes it back', async () => {
  await daily('s', 40);
  await daily('idle', 40, 'skipped');
  await clean({ days: 365, count: 15 });
  expect(await recordsFrom('s')).toEqual(new Date(daysAgo(15).getTime() + 1));
  // That a tick was skipped is no reason against making up for it.
  expect(await recordsFrom('idle')).toBeUndefined();
  await world.addRun('s', 'succeeded', { nominal: daysAgo(300) });
  expect(await clean({ days: 365, count: 15 })).toBe(1);
  expect(await recordsFrom('s')).toEqual(new Date(daysAgo(15).getTime() + 1));
});

it('tells of it before the first record goes', async () => {
  await daily('s', 40);
  const { runs, runRetention } = world.collections;
  const failing = new Proxy(runRetention, {
    get: (target, name) =>
      name === 'updateOne'
        ? () => Promise.reject(new Error('MongoDB is away'))
        : (Reflect.get(target, name) as unknown),
  });
  const cleaning = deleteOldRuns(
    { runs, runRetention: failing },
    { days: 365, count: 15 },
    { nowMs: world.now, signal: new AbortController().signal },
  );
  await expect(cleaning).rejects.toThrow('MongoDB is away');
  expect(await left('s')).toHaveLength(40);
});

it('leaves a run that is not over, however old', async () => {
  const ids = await daily('s', 12);
  const open = await world.addRun('s', 'running', { nominal: new Date(world.now - 300 * DAY) });
  expect(await clean({ days: 1, count: 10 })).toBe(2);
  expect(await left('s')).toEqual([...ids.slice(0, 10), open]);
});

it('goes in batches, through any number', async () => {
  await world.collections.runs.insertMany(
    Array.from({ length: 2_510 }, (_, index) => ({
      _id: `s@${index}`,
      scheduleId: 's',
      kind: 'tick' as const,
      nominal: new Date(world.now - index * 1000),
      due: new Date(world.now),
      state: 'succeeded' as const,
      reason: 'x',
      cause: 'tick',
      createdAt: new Date(),
      updatedAt: new Date(),
      endedAt: new Date(),
      attempt: 1,
      attempts: [],
    })),
  );
  expect(await clean({ days: 1, count: 10 })).toBe(2_500);
  expect(await left('s')).toEqual(Array.from({ length: 10 }, (_, index) => `s@${index}`));
});

it('stops when it is told to', async () => {
  await daily('s', 15);
  expect(await clean({ days: 1, count: 10 }, AbortSignal.abort())).toBe(0);
});
