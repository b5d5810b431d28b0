import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../model/runs.ts';
import type { TickDeps } from '../../processors/ticks/batch.ts';
import { CLAIM_MS } from '../../processors/ticks/claims.ts';
import { testServers } from '../support/servers.ts';
import { ticksWorld, type TicksWorld } from './ticks-world.ts';

const HOUR_MS = 3_600_000;
/** Ahead of MongoDB's own time, so that nothing depends on when the test runs: a full hour and 5 s. */
const NOW = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS + 5_000;
const clock = { now: () => NOW };
const HOUR = new Date(NOW - 5_000);

/** What a handler writes, in order; the last two go at once. */
const STEPS = ['claim', 'records', 'cancels', 'statuses', 'jobs', 'next times'] as const;
type Step = (typeof STEPS)[number];
type When = 'before' | 'after' | 'halfway';

/** Ids, and how each one's config treats ticks. Each is three ticks behind, of which one is on time; each has a run. */
const SCHEDULES: Readonly<Record<string, Record<string, unknown>>> = {
  forbid: {},
  queued: { overlap: 'queue-one', misfire: 'skip' },
  replacing: { overlap: 'replace', misfire: 'skip' },
  'replacing-all': { overlap: 'replace', misfire: 'fire-all' },
  allowing: { overlap: { policy: 'allow', max: 2 }, misfire: 'skip' },
  catching: { overlap: 'allow', misfire: { policy: 'fire-all', max: 2 } },
};
const IDS = Object.keys(SCHEDULES);

let expected: Awaited<ReturnType<typeof state>>;
let world: TicksWorld;

beforeAll(async () => {
  expected = await undisturbed();
});
beforeEach(async () => {
  world = await ticksWorld(testServers());
  await arrange(world);
});
afterEach(() => world[Symbol.asyncDispose]());

async function arrange({ add, collections }: TicksWorld): Promise<void> {
  for (const [id, config] of Object.entries(SCHEDULES)) {
    const before = `${id}@before`;
    const handledThrough = new Date(HOUR.getTime() - 2 * HOUR_MS - 1);
    await add(id, { timing: '0 * * * *', config, handledThrough, status: { line: [before] } });
    await collections.runs.insertOne({ ...runBefore(id), _id: before });
  }
}

const runBefore = (scheduleId: string): Omit<Run, '_id'> => ({
  scheduleId,
  kind: 'tick',
  nominal: new Date(0),
  due: new Date(0),
  state: 'running',
  open: true,
  reason: '',
  cause: 'tick',
  createdAt: new Date(0),
  updatedAt: new Date(0),
  attempt: 1,
  attempts: [],
});

/** All that handlers are to bring about. */
async function state({ collections, queued }: TicksWorld) {
  const runs = await collections.runs.find().sort({ _id: 1 }).toArray();
  const statuses = await collections.scheduleStatus.find().sort({ _id: 1 }).toArray();
  const documents = await collections.schedules.find().project({ _id: 0 }).sort({ id: 1 }).toArray();
  return { runs, statuses, documents, queued: await queued() };
}

/** What a handler that is not interrupted comes to. */
async function undisturbed(): Promise<Awaited<ReturnType<typeof state>>> {
  await using other = await ticksWorld(testServers());
  await arrange(other);
  await (await other.book({ clock })).handleDue();
  return await state(other);
}

/** A handler that is killed at one of its writes: it does nothing more, not even give its claims back. */
function dying(deps: TickDeps, step: Step, when: When): TickDeps {
  let dead = false;
  const guard = <T extends object>(target: T, steps: Readonly<Record<string, Step>>): T =>
    new Proxy(target, {
      get(object, key) {
        const member = Reflect.get(object, key, object) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (dead) return Promise.reject(new Error('killed'));
          const call = (): unknown => Reflect.apply(member, object, args) as unknown;
          if (steps[String(key)] !== step) return call();
          dead = true;
          return (async () => {
            const [items] = args;
            if (when === 'halfway' && Array.isArray(items))
              args[0] = items.filter((_, index) => index % 2 === 0);
            if (when !== 'before') await call();
            throw new Error('killed');
          })();
        };
      },
    });
  const { schedules, scheduleStatus, runs, holds } = deps.collections;
  return {
    ...deps,
    collections: {
      schedules: guard(schedules, { bulkWrite: 'next times' }),
      scheduleStatus: guard(scheduleStatus, { updateMany: 'claim', bulkWrite: 'statuses' }),
      runs: guard(runs, { insertMany: 'records', bulkWrite: 'cancels' }),
      holds,
    },
    queues: guard(deps.queues, { addRuns: 'jobs' }),
  };
}

/** As if the time of all claims had passed. */
const claimsLapse = () =>
  world.collections.scheduleStatus.updateMany(
    { claim: { $ne: null } },
    { $set: { 'claim.until': new Date(0) } },
  );

const CASES = [
  ...STEPS.flatMap((step): [When, Step][] => [
    ['before', step],
    ['after', step],
  ]),
  ['halfway', 'records'],
  ['halfway', 'statuses'],
] satisfies [When, Step][];

describe('a handler that is killed', () => {
  it.each(CASES)('%s its %s is succeeded by one that brings all to the same end', async (when, step) => {
    const book = await world.book(dying(world.deps({ clock }), step, when));
    await expect(book.handleDue()).rejects.toThrow('killed');
    await claimsLapse();
    await (await world.book({ clock })).handleDue();

    const { runs, statuses, documents, queued } = await state(world);
    expect(runs).toEqual(expected.runs);
    expect(statuses).toEqual(expected.statuses);
    // Once the statuses say that all is handled, no tick looks at them again: the planner's look finds runs without a job,
    // and next times that are not told.
    const isOver = new Set(
      step === 'statuses' && when === 'after' ? ['jobs', 'next times'] : when === 'before' ? [step] : [],
    );
    if (when === 'halfway' && step === 'statuses') isOver.add('jobs').add('next times');
    if (!isOver.has('jobs')) expect(queued).toEqual(expected.queued);
    if (!isOver.has('next times') && step !== 'jobs') expect(documents).toEqual(expected.documents);
  });

  it.each(CASES)(
    '%s its %s is succeeded later, when its ticks count as missed, and what it recorded stays',
    async (when, step) => {
      const book = await world.book(dying(world.deps({ clock }), step, when));
      await expect(book.handleDue()).rejects.toThrow('killed');
      const recorded = await world.collections.runs.find({ nominal: { $gt: new Date(0) } }).toArray();
      await claimsLapse();
      await (await world.book({ clock: { now: () => NOW + 60_000 } })).handleDue();

      const { runs, statuses } = await state(world);
      for (const id of IDS) {
        const own = runs.filter(({ scheduleId }) => scheduleId === id);
        expect(own).toHaveLength(4);
        const open = own.filter((run) => run.open === true).sort((a, b) => +a.nominal - +b.nominal);
        const status = statuses.find(({ _id }) => _id === id);
        expect(status).toMatchObject({ handledThrough: HOUR, claim: null, line: open.map(({ _id }) => _id) });
        // Who was replaced hears of it, whoever recorded the run that replaces it.
        const replaces = open.some(({ nominal, cause }) => +nominal === +HOUR && cause === 'tick');
        const asked = own.some(({ state: s, cancel }) => s === 'running' && cancel !== undefined);
        expect(asked).toBe(id.startsWith('replacing') && replaces);
      }
      for (const run of recorded) {
        const { cancel: _cancel, updatedAt: _updatedAt, ...before } = run;
        expect(runs.find(({ _id }) => _id === run._id)).toMatchObject(before);
      }
    },
  );

  it('keeps others away until its claims lapse, and no longer', async () => {
    const book = await world.book(dying(world.deps(), 'records', 'before'));
    await world.collections.scheduleStatus.updateMany(
      {},
      { $set: { nextAt: new Date(0), handledThrough: new Date(Date.now() - HOUR_MS - 15_000) } },
    );
    // Made before, so that only one question lies between the claims and the look that finds them.
    const successor = await world.book();
    await expect(book.handleDue()).rejects.toThrow('killed');
    expect(await successor.handleDue()).toMatchObject({ ticks: 0 });
    await sleep(CLAIM_MS + 50);
    const { ticks } = await successor.handleDue();
    expect(ticks).toBeGreaterThanOrEqual(IDS.length);
  });
});

describe('a handler that is stopped for longer than its claims last', () => {
  it('records nothing when it goes on, since its schedules may have been disabled in the meantime', async () => {
    let readings = 0;
    const stopped = { now: () => NOW + (readings++ === 0 ? 0 : CLAIM_MS) };
    await expect((await world.book({ clock: stopped })).handleDue()).rejects.toThrow('lapsed');
    expect(await world.collections.runs.countDocuments({ nominal: { $gt: new Date(0) } })).toBe(0);
    await (await world.book({ clock })).handleDue();
    expect(await state(world)).toEqual(expected);
  });
});

describe('a handler that fails', () => {
  it('gives its claims back at once, for the next to do it all', async () => {
    const deps = world.deps({ clock });
    const failing: TickDeps = {
      ...deps,
      collections: {
        ...deps.collections,
        runs: new Proxy(deps.collections.runs, {
          get: (object, key) =>
            key === 'bulkWrite'
              ? () => Promise.reject(new Error('not now'))
              : (Reflect.get(object, key, object) as unknown),
        }),
      },
    };
    await expect((await world.book(failing)).handleDue()).rejects.toThrow('not now');
    await (await world.book({ clock })).handleDue();
    expect(await state(world)).toEqual(expected);
  });
});
