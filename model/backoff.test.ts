import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffCeilingMs, backoffDelayMs, failuresAfterExit } from './backoff.ts';

const policy = { firstMs: 1000, maxMs: 300_000 };

describe('back-off', () => {
  it('doubles from one second to five minutes', () => {
    const ceilings = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100].map((n) => backoffCeilingMs(n, policy) / 1000);
    expect(ceilings).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it('is jittered over the whole range and never leaves it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (n, r) => {
          const delay = backoffDelayMs(n, policy, () => r);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(backoffCeilingMs(n, policy));
        },
      ),
    );
    expect(backoffDelayMs(3, policy, () => 0)).toBe(0);
    expect(backoffDelayMs(3, policy, () => 0.5)).toBe(2000);
  });

  it('forgets earlier crashes of a bot that was up for ten minutes', () => {
    expect(failuresAfterExit(7, 599_999, 600_000)).toBe(8);
    expect(failuresAfterExit(7, 600_000, 600_000)).toBe(1);
  });
});
