import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRuns, type RunQuery } from '../../producers/control/run-list/read.ts';
import { RUN_STATES } from '../../model/runs.ts';
import { scheduleWorld, type ScheduleWorld } from './schedules-world.ts';

let world: ScheduleWorld;
const [one, other] = ['one', 'other'] as const;

beforeAll(async () => {
  world = await scheduleWorld();
  // Each one second after the other.
  for (const scheduleId of [one, other])
    for (const state of RUN_STATES) await world.addRun(scheduleId, state);
  await world.addRun(one, 'failed', { kind: 'manual' });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const listed = async (query: Partial<RunQuery>): Promise<string[]> => {
  const views = await readRuns(world.collections.runs, { limit: 20, ...query });
  const times = views.map(({ nominal }) => nominal);
  expect(times).toEqual(times.toSorted().reverse());
  return views.map(({ schedule, state, kind }) => `${schedule} ${state}${kind === 'manual' ? '!' : ''}`);
};

it('lists runs in the states that are asked for, newest first, of one schedule or of all', async () => {
  expect(await listed({})).toHaveLength(19);
  expect(await listed({ scheduleId: other })).toEqual(
    RUN_STATES.toReversed().map((state) => `other ${state}`),
  );
  expect(await listed({ states: ['failed'] })).toEqual(['one failed!', 'other failed', 'one failed']);
  expect(await listed({ states: ['running', 'failed', 'retrying'] })).toEqual([
    'one failed!',
    'other failed',
    'other retrying',
    'other running',
    'one failed',
    'one retrying',
    'one running',
  ]);
  expect(await listed({ states: ['running', 'failed'], limit: 2 })).toEqual(['one failed!', 'other failed']);
  expect(await listed({ scheduleId: one, states: ['failed', 'queued'] })).toEqual([
    'one failed!',
    'one failed',
    'one queued',
  ]);
  expect(await listed({ scheduleId: 'nobody', states: [...RUN_STATES] })).toEqual([]);
});

it.each([
  { states: ['cancelled', 'timed-out'] as const },
  { scheduleId: 'busy', states: ['failed'] as const },
])('does not look at the records of others (%j)', async (query) => {
  const { runs } = world.collections;
  for (let ran = 0; ran < 50; ran += 1) await world.addRun('busy', ran < 3 ? 'failed' : 'succeeded');
  const db = runs.db;
  await db.command({ profile: 2 });
  try {
    await readRuns(runs, { limit: 2, ...query });
  } finally {
    await db.command({ profile: 0 });
  }
  const [look] = await db
    .collection('system.profile')
    .find({ ns: runs.namespace, op: 'query' })
    .sort({ ts: -1 })
    .limit(1)
    .toArray();
  // One more for each branch of the index that it merges.
  expect(look?.['docsExamined']).toBeLessThanOrEqual(4);
  expect(look).toMatchObject({ nreturned: 2 });
  expect(look?.['hasSortStage']).toBeUndefined();
});
