import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { forEachAtMost } from './at-most.ts';

it('does each once, and never more at once than it may', async () => {
  const done: number[] = [];
  let active = 0;
  let most = 0;
  await forEachAtMost([1, 2, 3, 4, 5], 2, async (item) => {
    active += 1;
    most = Math.max(most, active);
    await turn();
    done.push(item);
    active -= 1;
  });
  expect(done.toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

it('rejects with the first failure, when nothing is under way any more', async () => {
  let active = 0;
  const begun: number[] = [];
  const all = forEachAtMost([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    active += 1;
    await turn();
    active -= 1;
    if (item === 1) throw new Error('Redis is away');
  });
  await expect(all).rejects.toThrow('Redis is away');
  expect(active).toBe(0);
  expect(begun).not.toContain(4);
});

it('has nothing to do with nothing', async () => {
  await expect(forEachAtMost([], 5, () => expect.unreachable())).resolves.toBeUndefined();
});
