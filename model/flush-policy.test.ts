import { describe, expect, it } from 'vitest';
import { APPENDABLE_BYTES, flushDue, flushLagMs, flushPolicyOf, type FlushPolicy } from './flush-policy.ts';

const policy = flushPolicyOf({
  LOG_FLUSH_AFTER: 3_000,
  LOG_FLUSH_MAX: 60_000,
  LOG_ENGINE_MB: 30,
  LOG_DAY_MB: 1024,
});
const MB = 1_000_000;
const DAY_SECONDS = 86_400;

/** A day of a bot that prints evenly, looked at once a second. */
function day(bytesPerDay: number, with_: FlushPolicy = policy) {
  let object = 0;
  let uploaded = 0;
  let copied = 0;
  let flushes = 0;
  let pending = 0;
  let age = 0;
  let worst = 0;
  for (let second = 0; second < DAY_SECONDS; second += 1) {
    pending += bytesPerDay / DAY_SECONDS;
    age += 1;
    if (!flushDue({ objectBytes: object, newBytes: pending, ageMs: age * 1000 }, with_)) continue;
    uploaded += object < APPENDABLE_BYTES ? object + pending : pending;
    copied += object < APPENDABLE_BYTES ? 0 : object;
    object += pending;
    worst = Math.max(worst, age);
    pending = 0;
    age = 0;
    flushes += 1;
  }
  return { factor: uploaded / object, copied, flushes, worst };
}

describe('flushDue', () => {
  it.each([100 * MB, 150 * MB, 300 * MB, 1_000 * MB])(
    'a bot that logs %d bytes a day uploads at most three times as much',
    (bytes) => {
      const { factor, worst } = day(bytes);
      expect(factor).toBeLessThanOrEqual(3);
      expect(worst).toBeLessThanOrEqual(60);
    },
  );

  it('a small log is saved after the least wait, a large one after the longest at the latest', () => {
    expect(flushDue({ objectBytes: 0, newBytes: 1, ageMs: 2_999 }, policy)).toBe(false);
    expect(flushDue({ objectBytes: 0, newBytes: 1, ageMs: 3_000 }, policy)).toBe(true);
    expect(flushDue({ objectBytes: 4 * MB, newBytes: 1, ageMs: 59_999 }, policy)).toBe(false);
    expect(flushDue({ objectBytes: 4 * MB, newBytes: 1, ageMs: 60_000 }, policy)).toBe(true);
    expect(flushDue({ objectBytes: 900 * MB, newBytes: 1, ageMs: 60_000 }, policy)).toBe(true);
  });

  it('appending to a log that S3 copies by itself waits less again, and the longest once copies are dear', () => {
    expect(flushLagMs(APPENDABLE_BYTES - 1, policy)).toBe(60_000);
    expect(flushLagMs(APPENDABLE_BYTES, policy)).toBeLessThan(15_000);
    expect(flushLagMs(32 * 1024 * 1024, policy)).toBe(60_000);
    // A flush a minute is the least there may be, and half a day’s log is what each copies on the average.
    const least = (DAY_SECONDS / 60) * 50 * MB;
    expect(day(100 * MB).copied).toBeLessThan(1.1 * least);
  });

  it('much output is saved at once, none never', () => {
    expect(flushDue({ objectBytes: 4 * MB, newBytes: policy.urgentBytes, ageMs: 0 }, policy)).toBe(true);
    expect(flushDue({ objectBytes: 0, newBytes: 0, ageMs: 1e9 }, policy)).toBe(false);
  });

  it('a day that is full is looked at seldom, however much is printed', () => {
    const full = { objectBytes: policy.dayBytes, newBytes: 500 * MB };
    expect(flushDue({ ...full, ageMs: 59_000 }, policy)).toBe(false);
    expect(flushDue({ ...full, ageMs: 60_000 }, policy)).toBe(true);
  });

  it('a least wait longer than the longest counts for both', () => {
    const slow = flushPolicyOf({
      LOG_FLUSH_AFTER: 90_000,
      LOG_FLUSH_MAX: 60_000,
      LOG_ENGINE_MB: 3,
      LOG_DAY_MB: 1,
    });
    expect(flushDue({ objectBytes: 1, newBytes: 1, ageMs: 89_000 }, slow)).toBe(false);
    expect(flushDue({ objectBytes: 1, newBytes: 1, ageMs: 90_000 }, slow)).toBe(true);
  });
});
