import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryCron, zoneAndInstant } from '../../test/support/arbitrary-cron.ts';
import { minGapMs, parseTiming } from './parse.ts';
import { nominalsBetween, type Timing } from './timing.ts';

const every = fc.integer({ min: 1, max: 100_000 }).map((seconds) => `@every ${seconds}s`);
const anyCron = fc.oneof({ arbitrary: arbitraryCron, weight: 9 }, { arbitrary: every, weight: 1 });

/** 30 February and its kin are refused, here as there. */
function timingIn(cron: string, zone: string): Timing {
  const outcome = parseTiming(cron, zone);
  fc.pre(outcome.ok || outcome.problem.includes('never fires'));
  fc.pre(outcome.ok);
  return outcome.timing;
}

describe('next and previous', { timeout: 60_000 }, () => {
  it('agree with each other, whole seconds, never back, never twice', () => {
    fc.assert(
      fc.property(anyCron, zoneAndInstant, fc.integer({ min: -999, max: 999 }), (cron, { zone, at }, ms) => {
        const timing = timingIn(cron, zone);
        let from = at + ms;
        for (let count = 0; count < 12; count++) {
          const next = timing.next(from) ?? NaN;
          expect(next).toBeGreaterThan(from);
          expect(next % 1000).toBe(0);
          expect(timing.previous(next)).toBe(next);
          expect(timing.next(next - 1)).toBe(next);
          const before = timing.previous(next - 1) ?? NaN;
          expect(before).toBeLessThanOrEqual(from);
          expect(timing.next(before)).toBe(next);
          from = next;
        }
      }),
      { numRuns: 600 },
    );
  });

  // Only where the shortest gap was looked for: clocks were changed otherwise in other years.
  it('are never closer than the shortest gap, 2024 to 2031', () => {
    fc.assert(
      fc.property(anyCron, zoneAndInstant, (cron, { zone, at }) => {
        const timing = timingIn(cron, zone);
        const shortest = minGapMs(timing);
        const times = nominalsBetween(timing, Math.max(at, Date.UTC(2024)), Date.UTC(2032), 30);
        for (const [index, time] of times.entries())
          if (index > 0) expect(time - (times[index - 1] ?? NaN)).toBeGreaterThanOrEqual(shortest);
      }),
      { numRuns: 500 },
    );
  });

  // Without changes of clocks, cron-parser's own search is right, and this is that its fields mean here what they mean there.
  it('are those of cron-parser where clocks do not change', () => {
    fc.assert(
      fc.property(
        arbitraryCron,
        zoneAndInstant,
        fc.constantFrom('UTC', 'Asia/Tokyo', 'Asia/Kathmandu'),
        (cron, { at }, zone) => {
          const timing = timingIn(cron, zone);
          const theirs = CronExpressionParser.parse(cron, { tz: zone, currentDate: at });
          const backwards = CronExpressionParser.parse(cron, { tz: zone, currentDate: at });
          let [later, earlier] = [at, at];
          for (let count = 0; count < 6; count++) {
            later = theirs.next().getTime();
            expect(timing.next(count === 0 ? at : later - 1)).toBe(later);
            const before = earlier;
            earlier = backwards.prev().getTime();
            expect(timing.previous(before - 1)).toBe(earlier);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
