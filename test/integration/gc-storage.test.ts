import { describe, expect, it } from 'vitest';
import { S3Unavailable } from '../../infra/s3/errors.ts';
import type { Run } from '../../model/runs.ts';
import { DAY_MS, GcWorld, HOUR_MS } from './gc-world.ts';

const world = new GcWorld();
const signal = new AbortController().signal;
const FULL = { full: true, dryRun: false, signal } as const;
const LIGHT = { full: false, dryRun: false, signal } as const;

describe('bots that were deleted', () => {
  it.each([
    ['a look at what was deleted of late', LIGHT],
    ['a look through whole buckets', FULL],
  ])('lose all that they left once the grace is over, and others nothing: %s', async (_how, request) => {
    await world.lives('lives', 'b');
    await Promise.all(['gone', 'lives', 'fresh', 'b', 'schedule'].map((id) => world.leave(id)));
    await world.deleted('gone', 25 * HOUR_MS);
    await world.deleted('schedule', 25 * HOUR_MS, 'scheduleEventOrder');
    await world.deleted('fresh', 23 * HOUR_MS);
    const report = await world.sweep().run(request);
    expect(report).toMatchObject({ counts: { 'deleted-bot': 2, objects: 10 }, problems: [], unknown: [] });
    expect(report.items).toContainEqual(
      expect.objectContaining({ name: 'gone', why: 'its bot was deleted 25 h ago', objects: 5 }),
    );
    expect([await world.left('gone'), await world.left('schedule')]).toEqual([[], []]);
    for (const id of ['lives', 'fresh', 'b']) expect(await world.left(id)).toHaveLength(5);
    for (const records of ['botState', 'botLogs', 'holds', 'restarts'] as const)
      expect(
        (await world.collections[records].find().toArray()).map(({ _id }) => _id).sort(),
        records,
      ).toEqual(['b', 'fresh', 'lives']);
  });

  it('keep everything where a document says that they live again, whatever the tombstone says', async () => {
    await world.leave('again');
    await world.deleted('again', 25 * HOUR_MS);
    await world.lives('again');
    expect((await world.sweep().run(FULL)).counts).toEqual({});
    expect((await world.sweep().run(LIGHT)).counts).toEqual({});
    expect(await world.left('again')).toHaveLength(5);
    expect(await world.collections.botState.countDocuments()).toBe(1);
  });

  it('are found again where something of theirs came late', async () => {
    const sweep = world.sweep();
    await world.leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    await sweep.run(LIGHT);
    await world.s3.put(world.buckets.logs, 'logs/gone/20261125.log', 'last words\n');
    expect((await sweep.run(LIGHT)).counts).toEqual({});
    expect((await sweep.run(FULL)).counts).toMatchObject({ 'deleted-bot': 1, objects: 1 });
    expect(await world.left('gone')).toEqual([]);
  });

  it('take the overrides of their runs along, with their owner’s keys; the records, and the runs that are open, stay', async () => {
    const at = new Date(world.now() - 30 * HOUR_MS);
    const run = (scheduleId: string, state: 'succeeded' | 'cancelled' | 'running'): Run => ({
      _id: `${scheduleId}-${state}`,
      scheduleId,
      kind: 'manual',
      nominal: at,
      due: at,
      state,
      reason: '',
      cause: 'run now by ann: test',
      createdAt: at,
      updatedAt: at,
      attempt: 1,
      attempts: [],
      request: { id: state, who: 'ann', why: 'test', configOverride: { apiKey: 'canary' } },
      ...(state === 'running' ? { open: true } : { endedAt: at }),
    });
    const { runs } = world.collections;
    await runs.insertMany(
      ['quiet', 'with-logs', 'fresh', 'lives'].flatMap((id) => [
        run(id, 'succeeded'),
        run(id, 'cancelled'),
        run(id, 'running'),
      ]),
    );
    await world.lives('lives');
    await world.leave('with-logs');
    await world.deleted('quiet', 25 * HOUR_MS, 'scheduleEventOrder');
    await world.deleted('with-logs', 25 * HOUR_MS, 'scheduleEventOrder');
    await world.deleted('fresh', 23 * HOUR_MS, 'scheduleEventOrder');
    await world.sweep().run(LIGHT);

    const told = await runs.find().toArray();
    expect(told).toHaveLength(12);
    const bare = told.filter(({ request }) => request?.configOverride === undefined);
    expect(bare.map(({ _id }) => _id).sort()).toEqual([
      'quiet-cancelled',
      'quiet-succeeded',
      'with-logs-cancelled',
      'with-logs-succeeded',
    ]);
    expect(bare[0]?.request).toMatchObject({ who: 'ann', why: 'test' });
  });

  it('of like names are not mixed up', async () => {
    await world.lives('bot-1', 'bot');
    for (const id of ['bot', 'bot-1', 'bot-10']) await world.leave(id);
    await world.deleted('bot-10', 25 * HOUR_MS);
    await world.sweep().run(LIGHT);
    expect([await world.left('bot'), await world.left('bot-1'), await world.left('bot-10')]).toEqual([
      expect.objectContaining({ length: 5 }),
      expect.objectContaining({ length: 5 }),
      [],
    ]);
  });
});

describe('a database that is empty, wrong or away', () => {
  it('deletes nothing, and names what it does not know', async () => {
    for (const id of ['b1', 'b2', 'b3']) await world.leave(id);
    world.aheadMs = 2 * HOUR_MS;
    for (const request of [FULL, LIGHT]) await world.sweep().run(request);
    const report = await world.sweep().run(FULL);
    expect(report).toMatchObject({ unknown: ['b1', 'b2', 'b3'], unknownCount: 3 });
    // Results of queries go by their age alone.
    for (const id of ['b1', 'b2', 'b3']) expect(await world.left(id)).toHaveLength(4);
  });

  it('deletes nothing where it does not answer', async () => {
    await world.leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    const away = new Error('MongoDB is away');
    const bots = { find: () => ({ project: () => ({ toArray: () => Promise.reject(away) }) }) } as never;
    const sweep = world.sweep({}, { collections: { ...world.collections, bots } });
    await expect(sweep.run(FULL)).rejects.toThrow(away);
    expect(await world.left('gone')).toHaveLength(5);
  });

  it('deletes nothing where too large a share would go, and what was confirmed where a person says so', async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `gone-${index}`);
    await world.lives('lives');
    for (const id of ids) {
      await world.leave(id);
      await world.deleted(id, 25 * HOUR_MS);
    }
    await world.s3.put(world.buckets.logs, 'logs/lives/.tmp-1', 'half');
    world.aheadMs = 2 * HOUR_MS;
    const sweep = world.sweep();
    for (const request of [FULL, LIGHT]) {
      const stopped = await sweep.run(request);
      expect(stopped.stopped).toContain('11 of 12 bots');
      expect(await world.left('gone-0')).toHaveLength(5);
    }
    expect(await world.left('lives')).toHaveLength(1);
    const shown = await sweep.run({ ...FULL, dryRun: true });
    expect(shown).toMatchObject({ counts: { 'deleted-bot': 11, 'temporary-object': 1 } });

    const wrong = await sweep.run({ ...FULL, confirm: 'another' });
    expect(wrong.stopped).toContain('not what was confirmed');
    expect(await world.left('gone-0')).toHaveLength(5);

    const report = await sweep.run({ ...FULL, confirm: shown.code ?? '' });
    expect(report).toMatchObject({ counts: { 'deleted-bot': 11, objects: 56 } });
    expect(report.stopped).toBeUndefined();
    for (const id of [...ids, 'lives']) expect(await world.left(id)).toEqual([]);
  });
});

describe('leftovers without a tombstone', () => {
  const ADOPT = { ...FULL, adopt: { alsoUnknown: [] } } as const;

  it('go only by the code of a dry run, and take nothing else along', async () => {
    await world.lives('lives');
    for (const id of ['old', 'lives', 'later']) await world.leave(id);
    world.aheadMs = 25 * HOUR_MS;
    const sweep = world.sweep();
    const shown = await sweep.run({ ...ADOPT, dryRun: true });
    expect(shown.items.filter(({ kind }) => kind === 'deleted-bot').map(({ name }) => name)).toEqual([
      'later',
      'old',
    ]);
    for (const request of [ADOPT, { ...ADOPT, confirm: 'guessed' }]) {
      expect((await sweep.run(request)).stopped).toBeDefined();
      expect(await world.left('old')).toHaveLength(5);
    }
    // One of them turns out to be known after all: the code stands for another set then.
    await world.lives('later');
    expect((await sweep.run({ ...ADOPT, confirm: shown.code ?? '' })).stopped).toContain('not what was');
    const again = await sweep.run({ ...ADOPT, dryRun: true });
    const report = await sweep.run({ ...ADOPT, confirm: again.code ?? '' });
    // The results of the others' queries are past their age.
    expect(report.counts).toMatchObject({ 'deleted-bot': 1, 'query-result': 2, objects: 7 });
    expect(await world.left('old')).toEqual([]);
    for (const id of ['lives', 'later']) expect(await world.left(id)).toHaveLength(4);
    expect(await world.collections.eventOrder.findOne({ _id: 'old' })).toMatchObject({ sequence: 0 });
  });

  it('stay where they were touched within the grace, and where the database holds nothing at all', async () => {
    await world.leave('old');
    world.aheadMs = 25 * HOUR_MS;
    const dry = { ...ADOPT, dryRun: true };
    const empty = await world.sweep().run(dry);
    expect(empty.stopped).toContain('holds no bot and no schedule at all');
    expect((await world.sweep().run({ ...ADOPT, confirm: empty.code ?? '' })).stopped).toBeDefined();
    await world.lives('lives');
    world.aheadMs = 23 * HOUR_MS;
    expect((await world.sweep().run(dry)).code).toBeUndefined();
    expect((await world.left('old')).length).toBe(5);
  });
});

describe('what is too old', () => {
  it('goes by its own age, whosever it is: log days, halves of appends, results, archives beyond the kept', async () => {
    await world.lives('lives');
    await world.leave('lives');
    const { logs, state } = world.buckets;
    await world.s3.put(logs, 'logs/lives/20200101.log', 'long ago\n');
    await world.s3.put(logs, 'logs/lives/notes.txt', 'not ours');
    await world.s3.put(logs, 'logs/lives/.tmp-1', 'half');
    // A process that ended while it tried what this storage can do.
    await world.s3.put(state, '.tmp-conditions-4c3f', 'probe');
    for (const hour of ['01', '02', '03'])
      await world.s3.put(state, `.history/lives/20261124T${hour}0000Z.tar.gz`, 'earlier');
    expect((await world.sweep().run(FULL)).counts).toEqual({});
    world.aheadMs = 25 * HOUR_MS;
    const dry = await world.sweep().run({ ...FULL, dryRun: true });
    const report = await world.sweep().run(FULL);
    expect(report.counts).toMatchObject({
      'old-log-day': 1,
      'temporary-object': 2,
      'query-result': 1,
      'earlier-archive': 2,
      objects: 6,
    });
    expect(report.counts).toEqual(dry.counts);
    expect((await world.left('lives')).sort()).toEqual([
      '.history/lives/20261124T020000Z.tar.gz',
      '.history/lives/20261124T030000Z.tar.gz',
      'lives/state.tar.gz',
      'logs/lives/20261123.log',
      'logs/lives/20261124.log',
      'logs/lives/notes.txt',
    ]);
    world.aheadMs = 200 * DAY_MS;
    // The newest stays.
    expect((await world.sweep().run(FULL)).counts).toMatchObject({ 'old-log-day': 1 });
  });
});

describe('the newest log of a bot', () => {
  it('stays however old, since it says how far the output of its containers is saved; a deleted bot’s does not', async () => {
    await world.lives('quiet', 'quieter');
    const { logs } = world.buckets;
    for (const id of ['quiet', 'quieter', 'nobodys'])
      for (const day of ['20200101', '20200102']) await world.s3.put(logs, `logs/${id}/${day}.log`, 'old\n');
    await world.s3.put(logs, 'logs/quiet/20261124.log', 'new\n');
    world.aheadMs = 2 * DAY_MS;
    await world.s3.put(logs, 'logs/gone/20200101.log', 'old\n');
    await world.deleted('gone', HOUR_MS);
    await world.sweep().run(FULL);
    expect(await world.left('gone')).toEqual([]);
    expect(await world.left('quiet')).toEqual(['logs/quiet/20261124.log']);
    expect(await world.left('quieter')).toEqual(['logs/quieter/20200102.log']);
    // Nobody knows it: our database may have been lost while it runs.
    expect(await world.left('nobodys')).toEqual(['logs/nobodys/20200102.log']);
  });
});

describe('a sweep that meets trouble', () => {
  it('tells of a bucket that is not there, and sweeps the others', async () => {
    await world.leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    const buckets = { ...world.buckets, state: `${world.buckets.state}-none` };
    const report = await world.sweep({}, { buckets }).run(FULL);
    expect(report.problems).toEqual([`There is no bucket ${buckets.state}`]);
    expect(await world.left('gone')).toEqual(['.history/gone/20261123T000000Z.tar.gz', 'gone/state.tar.gz']);
  });

  it('ends half way where S3 goes away, says so, and the next one ends it', async () => {
    for (const id of ['a', 'b', 'c']) {
      await world.leave(id);
      await world.deleted(id, 25 * HOUR_MS);
    }
    let calls = 0;
    const bulk = new Proxy(world.s3.bulk, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name === 'removeMany' && (calls += 1) > 2)
          return () => Promise.reject(new S3Unavailable('S3 is away'));
        return (value as () => unknown).bind(target);
      },
    });
    const sweep = world.sweep({}, { s3: { bulk } });
    const report = await sweep.run(FULL);
    expect(report.problems).toEqual([
      'Of a something is left: S3 is away',
      'Of b something is left: S3 is away',
      'It ended half way, the next sweep goes on: S3 is away',
    ]);
    // What is gone is in the report all the same.
    expect(report.counts).toMatchObject({ 'deleted-bot': 1, objects: 3 });
    expect((await Promise.all(['a', 'b', 'c'].map((id) => world.left(id)))).flat().length).toBeGreaterThan(0);
    expect((await world.sweep().run(LIGHT)).problems).toEqual([]);
    expect((await Promise.all(['a', 'b', 'c'].map((id) => world.left(id)))).flat()).toEqual([]);
  });

  it('stops between two bots when it is told to', async () => {
    await world.leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    const stopping = AbortSignal.abort(new Error('stopping'));
    await expect(world.sweep().run({ ...LIGHT, signal: stopping })).rejects.toThrow('stopping');
    expect(await world.left('gone')).toHaveLength(5);
  });
});
