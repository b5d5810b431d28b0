import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { ticksWorld, type TicksWorld } from './ticks-world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Ahead of MongoDB's own time, so that nothing depends on when the test runs. */
const HOUR = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS;
/** Somebody takes ticks again after ten minutes: nine are missed, that of the full hour is on time. */
const NOW = HOUR + 5_000;
const LATER = NOW + 20_000;

let world: TicksWorld;

beforeEach(async () => {
  world = await ticksWorld(testServers());
});
afterEach(() => world[Symbol.asyncDispose]());

/** What became of each minute's tick, oldest first: `R` runs on time, `C` is caught up, `s` is skipped. */
async function after(config: Record<string, unknown>, nowMs: number): Promise<string> {
  await world.add('a', { timing: '* * * * *', config, handledThrough: new Date(HOUR - 10 * MINUTE_MS) });
  await (await world.book({ clock: { now: () => nowMs } })).handleDue();
  const runs = await world.runsOf('a');
  expect(runs.map(({ nominal }) => (nominal.getTime() - HOUR) / MINUTE_MS)).toEqual([
    -9, -8, -7, -6, -5, -4, -3, -2, -1, 0,
  ]);
  const ran = runs.filter(({ state }) => state === 'queued').map(({ _id }) => _id);
  expect((await world.statusOf('a')).line).toEqual(ran);
  expect(await world.queued()).toEqual([...ran].sort());
  return runs.map(({ state, cause }) => (state === 'skipped' ? 's' : cause === 'tick' ? 'R' : 'C')).join('');
}

describe('after a downtime of ten minutes', () => {
  it.each([
    ['skip', 'allow', 'sssssssssR'],
    ['skip', 'forbid', 'sssssssssR'],
    // The tick that is on time finds a run that was caught up before it, and goes by the overlap policy.
    ['fire-once', 'forbid', 'ssssssssCs'],
    ['fire-once', 'queue-one', 'ssssssssCR'],
    ['fire-once', 'allow', 'ssssssssCR'],
    ['fire-all', { policy: 'allow', max: 10 }, 'CCCCCCCCCR'],
    [{ policy: 'fire-all', max: 3 }, { policy: 'allow', max: 10 }, 'ssssssCCCR'],
    // Caught-up runs are never skipped for overlap: they wait in line.
    [{ policy: 'fire-all', max: 3 }, 'forbid', 'ssssssCCCs'],
    [{ policy: 'fire-all', max: 3 }, 'replace', 'ssssssCCCR'],
    [{ policy: 'fire-all', window: '150s' }, 'allow', 'sssssssCCR'],
    [{ policy: 'fire-once', window: '30s' }, 'allow', 'sssssssssR'],
  ])('misfire %j and overlap %j make %s', async (misfire, overlap, expected) => {
    expect(await after({ misfire, overlap }, NOW)).toBe(expected);
  });

  it.each([
    ['skip', 'ssssssssss'],
    ['fire-once', 'sssssssssC'],
    ['fire-all', 'CCCCCCCCCC'],
  ])('and MISFIRE_AFTER besides, misfire %s makes %s', async (misfire, expected) => {
    expect(await after({ misfire }, LATER)).toBe(expected);
  });
});

describe('what was missed is noted with the schedule', () => {
  it('whatever the policy makes of it, and not what is on time', async () => {
    await after({ misfire: 'fire-once' }, NOW);
    expect((await world.statusOf('a')).missed).toEqual({
      at: new Date(NOW),
      ticks: 9,
      first: new Date(HOUR - 9 * MINUTE_MS),
      last: new Date(HOUR - MINUTE_MS),
    });
    await world.add('b', { timing: '* * * * *', config: {}, handledThrough: new Date(HOUR - MINUTE_MS) });
    await (await world.book({ clock: { now: () => NOW } })).handleDue();
    expect(await world.statusOf('b')).not.toHaveProperty('missed');
  });

  it('as one, although it takes several batches', async () => {
    const minutes = 1_500;
    const handledThrough = new Date(HOUR - (minutes + 1) * MINUTE_MS);
    await world.add('a', { timing: '* * * * *', config: { misfire: 'skip' }, handledThrough });
    const book = await world.book({ clock: { now: () => NOW } });
    await book.handleDue();
    await until(async () => (await world.statusOf('a')).handledThrough?.getTime() === HOUR);
    expect((await world.statusOf('a')).missed).toMatchObject({
      ticks: minutes,
      first: new Date(HOUR - minutes * MINUTE_MS),
      last: new Date(HOUR - MINUTE_MS),
    });
  });
});
