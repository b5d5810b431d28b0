/** `overdue`: it should have rung, so whether it is well depends on whether its job is still there. */
export type AlarmState = 'well' | 'overdue' | 'stale';

/** Between a look at a status and one at its alarm it may have rung; processors' clocks differ a little. */
const TOLERANCE_MS = 2_000;

/**
 * Whether an alarm is as it should be. It should ring at the schedule's next nominal time, as alarms' own clock has it:
 * that of the hosts (`hostNowMs`), which may be off, whereas `nextAtMs` goes by the trusted one.
 */
export function alarmState(alarm: {
  atMs: number;
  nextAtMs: number;
  hostNowMs: number;
  next: (afterMs: number) => number | undefined;
}): AlarmState {
  const { atMs, nextAtMs, hostNowMs, next } = alarm;
  const justNowMs = hostNowMs - TOLERANCE_MS;
  if (atMs < justNowMs) return 'overdue';
  // The cheap question first: it settles all but a few, of a hundred thousand.
  if (Math.abs(atMs - nextAtMs) <= TOLERANCE_MS) return 'well';
  return atMs === next(hostNowMs) || atMs === next(justNowMs) ? 'well' : 'stale';
}
