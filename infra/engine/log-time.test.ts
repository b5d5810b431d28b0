import { describe, expect, it } from 'vitest';
import { logTimeOfMs, secondsOfLogTime, toLogTime } from './log-time.ts';

describe('times of log entries', () => {
  it.each([
    ['2026-11-24T03:04:05.123456789Z', '2026-11-24T03:04:05.123456789Z'],
    ['2026-11-24T03:04:05Z', '2026-11-24T03:04:05.000000000Z'],
    ['2026-11-24T03:04:05.1Z', '2026-11-24T03:04:05.100000000Z'],
    ['2026-11-24T03:04:05.5+02:00', '2026-11-24T01:04:05.500000000Z'],
    ['2026-11-24T23:04:05.5-02:00', '2026-11-25T01:04:05.500000000Z'],
    ['2026-11-24', undefined],
    ['yesterday', undefined],
    ['2026-13-45T03:04:05+02:00', undefined],
  ])('%s is %s', (given, expected) => {
    expect(toLogTime(given)).toBe(expected);
  });

  it('sort as text as they do in time', () => {
    const times = [
      logTimeOfMs(999),
      logTimeOfMs(1_000),
      logTimeOfMs(1_000, 1),
      logTimeOfMs(1_700_000_000_000),
    ];
    expect([...times].sort()).toEqual(times);
    expect(times[2]).toBe('1970-01-01T00:00:01.000000001Z');
  });

  it('become what the engine’s since takes, to the nanosecond', () => {
    expect(secondsOfLogTime('2026-11-24T03:04:05.123456789Z')).toBe('1795489445.123456789');
    expect(secondsOfLogTime('1970-01-01T00:00:00Z')).toBe('0.000000000');
    expect(() => secondsOfLogTime('now')).toThrow(RangeError);
  });
});
