import { expect, it } from 'vitest';
import { RecentReads } from './recent-reads.ts';

function make(maxKept = 10) {
  const world = { now: 0, reads: 0, value: 'one' as string | null, away: false };
  const reads = new RecentReads<string>({
    read: async () => {
      world.reads += 1;
      if (world.away) throw new Error('away');
      return world.value;
    },
    monotonicMs: () => world.now,
    maxKept,
  });
  return { world, reads };
}

it('reads what is kept once a second, however often it is asked for', async () => {
  const { world, reads } = make();
  reads.keep('a', (await reads.find('a')) ?? '');
  for (let asked = 0; asked < 50; asked += 1) expect(await reads.find('a')).toBe('one');
  expect(world.reads).toBe(1);
  Object.assign(world, { now: 1_000, value: 'two' });
  expect(await Promise.all([reads.find('a'), reads.find('a')])).toEqual(['two', 'two']);
  expect(world.reads).toBe(2);
});

it('keeps nothing by itself, and no more than it may', async () => {
  const { world, reads } = make(2);
  await reads.find('a');
  await reads.find('a');
  expect(world.reads).toBe(2);
  for (const id of ['a', 'b', 'c']) reads.keep(id, id);
  expect(['a', 'b', 'c'].map((id) => reads.peek(id))).toEqual([undefined, 'b', 'c']);
});

it('tells what it read last while the database is away, for a time, and nothing that it never read', async () => {
  const { world, reads } = make();
  reads.keep('a', 'one');
  Object.assign(world, { now: 5_000, away: true });
  expect(await reads.find('a')).toBe('one');
  expect(reads.isAway).toBe(true);
  expect(await reads.find('a')).toBe('one');
  await expect(reads.find('b')).rejects.toThrow('away');
  world.now = 600_000;
  await expect(reads.find('a')).rejects.toThrow('away');
  expect(reads.peek('a')).toBeUndefined();
});

it('lets go of what is gone, or was told to be', async () => {
  const { world, reads } = make();
  reads.keep('a', 'one');
  Object.assign(world, { now: 1_000, value: null });
  expect(await reads.find('a')).toBeNull();
  expect(reads.peek('a')).toBeUndefined();
  reads.keep('a', 'one');
  reads.forget('a');
  expect(reads.peek('a')).toBeUndefined();
});
