import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietWaitMs } from './quiet-moment.ts';

const MINUTE = Date.parse('2026-11-24T10:00:00Z');

describe('quietWaitMs', () => {
  it.each([
    ['a look that ends well before the minute', -10_000, 2_400, 0],
    ['one that would meet it', -2_000, 2_400, 7_000],
    ['one that would just meet it, should it take a little longer', -2_500, 2_400, 7_500],
    ['one that begins with it', 0, 2_400, 5_000],
    ['one that begins while what is due is handled', 1_500, 300, 3_500],
    ['one that begins after that', 5_000, 2_400, 0],
    ['one that is hardly noticed', 0, 199, 0],
    ['the first one, of which nothing is known', 0, 0, 0],
    ['one so long that it meets it anyway', -9_000, 20_000, 0],
    ['one as long that begins right before it', -3_000, 20_000, 8_000],
  ])('%s', (_what, afterMinuteMs, expectedMs, waitMs) => {
    expect(quietWaitMs(MINUTE + afterMinuteMs, expectedMs)).toBe(waitMs);
  });

  it('never has anybody wait for long, nor twice, and keeps looks of a few seconds apart from the minute', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        (nowMs, expectedMs) => {
          const waitMs = quietWaitMs(nowMs, expectedMs);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(8_000);
          const begins = nowMs + waitMs;
          if (waitMs > 0) expect(quietWaitMs(begins, expectedMs)).toBe(0);
          if (expectedMs < 200 || expectedMs > 2_400) return;
          expect(begins % 60_000).toBeGreaterThanOrEqual(5_000);
          expect(60_000 - (begins % 60_000)).toBeGreaterThanOrEqual(expectedMs);
        },
      ),
    );
  });
});
