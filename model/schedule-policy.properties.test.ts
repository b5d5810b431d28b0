import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schedulePolicy, type ScheduleOperator } from './schedule-policy.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const OPERATOR: ScheduleOperator = {
  zone: 'UTC',
  minIntervalMs: SECOND,
  misfireWindowMs: 24 * HOUR,
  fireAllCeiling: 100,
  overlapCeiling: 10,
  timeoutMs: 24 * HOUR,
  timeoutCeilingMs: 168 * HOUR,
  retriesCeiling: 10,
};

const anything = fc.oneof(
  fc.jsonValue(),
  fc.double(),
  fc.string({ maxLength: 200 }),
  fc.object(),
  fc.bigInt(),
  fc.date(),
);
/** What an owner may well write, and now and then anything at all. */
const mostly = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: anything });

const duration = mostly(
  fc.oneof(fc.stringMatching(/^\d{1,3}(ms|s|m|h)$/), fc.integer({ min: -2, max: 4_000 })),
);
const count = mostly(fc.integer({ min: -1, max: 120 }));
const objectOf = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
const misfires = mostly(fc.constantFrom('skip', 'fire-once', 'fire-all', 'fire-al'));
const overlaps = mostly(fc.constantFrom('forbid', 'queue-one', 'replace', 'allow', 'alow'));
const config = objectOf({
  schedule: mostly(fc.constantFrom('* * * * *', '@hourly', '30 9 * * 1-5', '@every 90s', '0 0 30 2 *')),
  timezone: mostly(fc.constantFrom('UTC', 'Europe/Berlin', 'Mars/Olympus')),
  misfire: mostly(fc.oneof(misfires, objectOf({ policy: misfires, max: count, window: duration }))),
  overlap: mostly(fc.oneof(overlaps, objectOf({ policy: overlaps, max: count }))),
  timeout: duration,
  retries: mostly(fc.oneof(count, objectOf({ count, delay: duration }))),
  jitter: duration,
});

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

describe('schedulePolicy, whatever it is given', () => {
  it('gives a policy within the operator’s bounds, or problems that each name a field', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(config, (given) => {
        const outcome = schedulePolicy({ id: 's1', config: given }, OPERATOR);
        seen[outcome.ok ? 'accepted' : 'refused'] += 1;
        if (!outcome.ok)
          return (
            outcome.problems.length > 0 &&
            outcome.problems.every((problem) => /^config\.[a-z.]+ .+/.test(problem) && problem.length < 400)
          );
        const { misfire, overlap, timeoutMs, retries, retryDelayMs, jitterMs } = outcome.policy;
        return (
          isWithin(misfire.max, 0, 100) &&
          isWithin(misfire.windowMs, SECOND, Number.MAX_SAFE_INTEGER) &&
          isWithin(overlap.max, 1, 10) &&
          isWithin(timeoutMs, SECOND, 168 * HOUR) &&
          isWithin(retries, 0, 10) &&
          isWithin(retryDelayMs, SECOND, 24 * HOUR) &&
          isWithin(jitterMs, 0, 24 * HOUR)
        );
      }),
      { numRuns: 3_000 },
    );
    // Else the property would say little.
    expect(seen.accepted).toBeGreaterThan(30);
    expect(seen.refused).toBeGreaterThan(30);
  });
});
