import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lanes } from './lanes.ts';

describe('Lanes', () => {
  it('keeps the order within a key and the bound over all, whatever finishes first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        async (scheduler, keys, width) => {
          const lanes = new Lanes(width);
          const order: Record<string, number[]> = {};
          const active = new Set<string>();
          let most = 0;
          keys.forEach((key, index) =>
            lanes.add(key, async () => {
              expect(active.has(key)).toBe(false);
              active.add(key);
              most = Math.max(most, active.size);
              await scheduler.schedule(Promise.resolve());
              (order[key] ??= []).push(index);
              active.delete(key);
            }),
          );
          await scheduler.waitFor(lanes.idle());
          expect(most).toBeLessThanOrEqual(width);
          expect(Object.values(order).flat().length).toBe(keys.length);
          for (const done of Object.values(order)) expect(done).toEqual([...done].sort((x, y) => x - y));
        },
      ),
    );
  });

  it('is idle at once when nothing was added', async () => {
    await expect(new Lanes(1).idle()).resolves.toBeUndefined();
  });
});
