import { describe, expect, it } from 'vitest';
import { timingOf } from '../../model/cron/parse.ts';
import { alarmState } from './alarm-check.ts';

const NOW = Date.parse('2026-11-24T10:00:30Z');
const HOUR = 3_600_000;
const at = (time: string): number => Date.parse(`2026-11-24T${time}Z`);
const hourly = timingOf('CRON_TZ=UTC 0 * * * *');

const state = (atMs: number, hostNowMs = NOW) =>
  alarmState({ atMs, nextAtMs: at('11:00:00'), hostNowMs, next: (afterMs) => hourly.next(afterMs) });

describe('alarmState', () => {
  it.each([
    ['rings at the next nominal time', '11:00:00', 'well'],
    ['rings too early, by an older timing', '10:30:00', 'stale'],
    ['rings too late', '12:00:00', 'stale'],
    ['should have rung', '10:00:00', 'overdue'],
  ])('an alarm that %s', (_what, time, expected) => {
    expect(state(at(time))).toBe(expected);
  });

  it('an alarm by the clock of a host that is off is well: the next nominal time is another one there', () => {
    expect(state(at('12:00:00'), NOW + HOUR)).toBe('well');
    expect(state(at('11:00:00'), NOW - HOUR)).toBe('well');
    expect(state(at('10:00:00'), NOW - HOUR)).toBe('well');
    expect(state(at('09:30:00'), NOW - HOUR)).toBe('stale');
  });

  it('an alarm that rings at this moment is well', () => {
    expect(
      alarmState({
        atMs: at('11:00:00'),
        nextAtMs: at('12:00:00'),
        hostNowMs: at('11:00:01'),
        next: (afterMs) => hourly.next(afterMs),
      }),
    ).toBe('well');
  });
});
