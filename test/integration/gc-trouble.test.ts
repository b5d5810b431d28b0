import { describe, expect, it } from 'vitest';
import { Client } from 'minio';
import { collections } from '../../infra/mongo/collections.ts';
import { S3Denied } from '../../infra/s3/errors.ts';
import { DAY_MS, GcWorld, HOUR_MS } from './gc-world.ts';

const world = new GcWorld();
const signal = new AbortController().signal;
const FULL = { full: true, dryRun: false, signal } as const;
const LIGHT = { full: false, dryRun: false, signal } as const;

/** The same, but before each call of this name `before` is called, with how many there have been. */
function wrapped<T extends object>(target: T, name: keyof T, before: (count: number) => unknown): T {
  let count = 0;
  return new Proxy(target, {
    get(inner, key) {
      const value: unknown = Reflect.get(inner, key);
      if (typeof value !== 'function') return value;
      const bound = (value as (...args: unknown[]) => unknown).bind(inner);
      if (key !== name) return bound;
      return (...args: unknown[]) => {
        const waiting = before((count += 1));
        return waiting instanceof Promise ? waiting.then(() => bound(...args)) : bound(...args);
      };
    },
  });
}

async function leaveDeleted(...ids: string[]): Promise<void> {
  for (const id of ids) {
    await world.leave(id);
    await world.deleted(id, 25 * HOUR_MS);
  }
}

const allLeft = async (...ids: string[]): Promise<string[]> =>
  (await Promise.all(ids.map((id) => world.left(id)))).flat();

describe('a wrong database', () => {
  it('deletes nothing of any bot, whatever its name, and makes nothing there', async () => {
    await leaveDeleted('gone');
    await world.leave('b1');
    const names = { bots: 'nobodys', schedules: 'nobodys', runtime: 'nobodys' };
    const wrong = collections(world.mongo, names);
    for (const request of [FULL, LIGHT, { ...FULL, adopt: { alsoUnknown: [] } }]) {
      const report = await world.sweep({}, { collections: wrong }).run(request);
      expect(report.counts).toEqual({});
    }
    world.aheadMs = 25 * HOUR_MS;
    const adopting = await world
      .sweep({}, { collections: wrong })
      .run({ ...FULL, dryRun: true, adopt: { alsoUnknown: [] } });
    expect(adopting.stopped).toContain('holds no bot and no schedule at all');
    expect(await allLeft('gone', 'b1')).toHaveLength(10);
    expect(await world.mongo.db('nobodys').listCollections().toArray()).toEqual([]);
  });
});

describe('a dry run', () => {
  it('changes nothing, and tells what the real run then does, one by one', async () => {
    await world.lives('lives');
    await leaveDeleted('gone', 'gone-too');
    await world.leave('lives');
    await world.leave('nobodys');
    await world.s3.put(world.buckets.logs, 'logs/lives/.tmp-1', 'half');
    await world.s3.put(world.buckets.logs, 'logs/lives/20200101.log', 'long ago\n');
    await new Client(world.servers.s3).initiateNewMultipartUpload(world.buckets.state, 'lives/x', {});
    world.aheadMs = 2 * DAY_MS;
    const told = await world.sweep().run({ ...FULL, dryRun: true });
    expect(Object.keys(told.counts).sort()).toEqual(
      [
        'bytes',
        'deleted-bot',
        'incomplete-upload',
        'objects',
        'old-log-day',
        'query-result',
        'temporary-object',
      ].sort(),
    );
    const before = await allLeft('gone', 'gone-too', 'lives', 'nobodys');
    expect(before).toHaveLength(22);
    expect(await world.s3.bulk.incompleteUploads(world.buckets.state)).toHaveLength(1);

    const report = await world.sweep().run(FULL);
    expect(report.counts).toEqual(told.counts);
    const named = ({ items }: typeof report) => items.map(({ kind, name }) => `${kind} ${name}`).sort();
    expect(named(report)).toEqual(named(told));
    expect(report.unknown).toEqual(told.unknown);
    expect((await world.sweep().run({ ...FULL, dryRun: true })).counts).toEqual({});
  });
});

describe('what goes away half way', () => {
  it('is MongoDB: what it was not asked about stays, and the next sweep ends it', async () => {
    const ids = ['a', 'b', 'c'];
    await leaveDeleted(...ids);
    let isAway = false;
    const bots = wrapped(world.collections.bots, 'find', () => {
      if (isAway) throw new Error('MongoDB is away');
    });
    const bulk = wrapped(world.s3.bulk, 'removeMany', (count) => (isAway = count >= 4));
    const sweep = world.sweep({}, { s3: { bulk }, collections: { ...world.collections, bots } });
    const report = await sweep.run(FULL);
    expect(report.problems).toEqual(['It ended half way, the next sweep goes on: MongoDB is away']);
    expect(await world.left('a')).toEqual([]);
    expect(await allLeft('b', 'c')).toHaveLength(10);
    isAway = false;
    expect((await world.sweep().run(LIGHT)).counts).toMatchObject({ 'deleted-bot': 2 });
    expect(await allLeft(...ids)).toEqual([]);
    expect(await world.collections.botState.countDocuments()).toBe(0);
  });

  it('are objects that S3 will not delete: they are named, and tried again by the next sweep', async () => {
    await leaveDeleted('gone');
    let refuses = true;
    const refusing = new Proxy(world.s3.bulk, {
      get(inner, key) {
        const value: unknown = Reflect.get(inner, key);
        if (typeof value !== 'function') return value;
        if (key === 'removeMany' && refuses)
          return async (_bucket: string, keys: readonly string[]) => ({
            removed: 0,
            refused: keys.map((name) => ({ key: name, reason: 'AccessDenied it is locked' })),
          });
        return (value as (...args: unknown[]) => unknown).bind(inner);
      },
    });
    const sweep = world.sweep({}, { s3: { bulk: refusing } });
    const report = await sweep.run(LIGHT);
    expect(report.counts).toEqual({});
    expect(report.problems.join()).toContain('gone/state.tar.gz: AccessDenied it is locked');
    expect(await world.collections.botState.countDocuments()).toBe(1);
    refuses = false;
    expect((await sweep.run(LIGHT)).counts).toMatchObject({ 'deleted-bot': 1, objects: 5 });
    expect(await world.left('gone')).toEqual([]);
  });
});

describe('a bot whose data S3 will not show', () => {
  it('keeps no other from going, however many there are of its kind', async () => {
    const locked = ['locked-1', 'locked-2', 'locked-3', 'locked-4'];
    await leaveDeleted(...locked, 'other');
    const bulk = new Proxy(world.s3.bulk, {
      get(inner, key) {
        const value: unknown = Reflect.get(inner, key);
        if (typeof value !== 'function') return value;
        const bound = (value as (...args: unknown[]) => unknown).bind(inner);
        if (key !== 'pages') return bound;
        return (bucket: string, prefix: string, ...more: unknown[]) => {
          if (prefix.startsWith('logs/locked')) throw new S3Denied('list it', 'AccessDenied');
          return bound(bucket, prefix, ...more);
        };
      },
    });
    const report = await world.sweep({}, { s3: { bulk } }).run(FULL);
    expect(report.problems).toEqual(
      locked.map(
        (id) => expect.stringContaining(`Of ${id} something is left: S3 refused to list it`) as string,
      ),
    );
    expect(report.counts).toMatchObject({ 'deleted-bot': 1, objects: 5 });
    expect(await world.left('other')).toEqual([]);
    expect(await allLeft(...locked)).toHaveLength(20);
  });
});

describe('what is confirmed', () => {
  it('is what a dry run showed: nothing that would go has no code, and what goes from the engine is part of it', async () => {
    expect((await world.sweep().run({ ...FULL, confirm: 'guessed' })).stopped).toContain(
      'not what was confirmed',
    );
    await leaveDeleted('gone');
    const alone = await world.sweep().run({ ...FULL, dryRun: true });
    expect(alone.stopped).toBeUndefined();
    const alsoGoing = Array.from({ length: 10 }, (_, index) => `engine-${index}`);
    const both = await world.sweep().run({ ...FULL, alsoGoing });
    expect(both.stopped).toContain('11 of 11 bots');
    expect(both.code).not.toBe(alone.code);
    const wrong = await world.sweep().run({ ...FULL, alsoGoing, confirm: alone.code ?? '' });
    expect(wrong.stopped).toContain('not what was confirmed');
    expect(await world.left('gone')).toHaveLength(5);
    const right = await world.sweep().run({ ...FULL, alsoGoing, confirm: both.code ?? '' });
    expect([right.stopped, right.counts['deleted-bot']]).toEqual([undefined, 1]);
  });
});

describe('a bot that is made again while it is swept', () => {
  it('keeps what it has from then on, although some of it went before', async () => {
    await leaveDeleted('again');
    const bulk = wrapped(world.s3.bulk, 'removeMany', (count) =>
      count === 1 ? world.lives('again') : undefined,
    );
    const report = await world.sweep({}, { s3: { bulk } }).run(FULL);
    expect(report.counts).toMatchObject({ 'deleted-bot': 1, objects: 2 });
    expect(await world.left('again')).toHaveLength(3);
    expect(await world.collections.botState.countDocuments()).toBe(1);
  });

  it('keeps all it has, although the look had found it deleted', async () => {
    await leaveDeleted('first', 'second');
    // The last that is looked at before anything is deleted.
    const bulk = wrapped(world.s3.bulk, 'incompleteUploads', (count) =>
      count === 1 ? world.lives('first', 'second') : undefined,
    );
    const report = await world.sweep({}, { s3: { bulk } }).run(FULL);
    expect(report.counts).toEqual({});
    expect(await allLeft('first', 'second')).toHaveLength(10);
    expect(await world.collections.botState.countDocuments()).toBe(2);
  });
});
