import { botIdProblem, isEnabled } from '../../model/bots.ts';
import type { SchedulePhase, ScheduleStatus } from '../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';

/** What a schedule's config says, reduced to what planning needs. `reason` names what cannot be run as written. */
export type Reading =
  | { ok: true; timing: string; cron: string; zone: string; windowMs: number; runsAtOnce: number }
  | { ok: false; reason: string };

/** Everything known of one schedule at one moment. At least one of document, status and runs is there. */
export type Sighting = {
  id: string;
  document?: Pick<ScheduleDocument, 'id' | 'enabled' | 'config' | 'next_execution_time'>;
  /** An operator's hold: who and why, in words. */
  hold?: string;
  status?: Pick<ScheduleStatus, '_id' | 'phase' | 'reason' | 'timing' | 'handledThrough' | 'nextAt' | 'line'>;
  /** Its runs that are not over, in the order in which they should stand in line. */
  openRuns: readonly string[];
};

export type Verdict =
  /** Its status is as it should be. */
  | { kind: 'leave' }
  /** It has a new timing, or is to tick no more, and a tick is due by the old one: handlers first record that. */
  | { kind: 'wait' }
  /** The phase goes on, with other words. */
  | { kind: 'reword'; reason: string }
  /** It ticks from now on: all nominal times up to `fromMs` are no concern of ours. */
  | { kind: 'begin'; reason: string; timing: string; zone: string; fromMs: number }
  | { kind: 'stop'; phase: Exclude<SchedulePhase, 'active'>; reason: string }
  /** Nothing of it is left but its status. */
  | { kind: 'forget' };

/** Compares what a schedule should be with its status. Pure, so that any state can be tried. */
export function decide(sighting: Sighting, read: () => Reading, nowMs: number): Verdict {
  const { id, document, hold, status, openRuns } = sighting;
  const isOwed = status?.phase === 'active' && isDue(status, nowMs);
  const stopOnceRecorded = (phase: Exclude<SchedulePhase, 'active'>, reason: string): Verdict =>
    isOwed ? { kind: 'wait' } : stop(sighting, phase, reason);
  if (document === undefined) {
    if (openRuns.length > 0 || (status?.line.length ?? 0) > 0)
      return stopOnceRecorded('gone', 'Its document was deleted; what runs is left to finish.');
    if (status === undefined) return { kind: 'leave' };
    return isOwed ? { kind: 'wait' } : { kind: 'forget' };
  }
  if (!isEnabled(document)) return stopOnceRecorded('disabled', 'Its owner disabled it.');
  if (hold !== undefined) return stopOnceRecorded('paused', `It is held by ${hold}.`);
  const idProblem = botIdProblem(id);
  if (idProblem !== undefined) return stopOnceRecorded('invalid', `It cannot run: ${idProblem}.`);
  const reading = read();
  if (!reading.ok) return stopOnceRecorded('invalid', `It cannot run: ${reading.reason}.`);

  const reason = `It ticks by ${JSON.stringify(reading.cron)} in ${reading.zone}.`;
  const begin = (fromMs: number): Verdict => {
    const { timing, zone } = reading;
    return { kind: 'begin', reason, timing, zone, fromMs };
  };
  if (status === undefined) return begin(firstSight(document, reading.windowMs, nowMs));
  // A clock that was set right by a little must not bring a tick twice.
  const fromMs = Math.max(nowMs, status.handledThrough?.getTime() ?? 0);
  if (status.phase !== 'active' || status.timing === undefined) return begin(fromMs);
  if (status.timing !== reading.timing) return isDue(status, nowMs) ? { kind: 'wait' } : begin(fromMs);
  // A handler found it not to be run, and it is to be run after all.
  if (status.nextAt === undefined) return begin(fromMs);
  return status.reason === reason ? { kind: 'leave' } : { kind: 'reword', reason };
}

/**
 * A schedule that nobody has planned yet: of the reference runtime, or our own database was lost. A next execution that is
 * past was missed, and goes by the misfire policy; what is older than its window would be skipped and is no news.
 */
function firstSight(
  { next_execution_time: next }: Pick<ScheduleDocument, 'next_execution_time'>,
  windowMs: number,
  nowMs: number,
): number {
  const nextMs = typeof next === 'number' ? next * 1000 : NaN;
  return nextMs > 0 && nextMs <= nowMs ? Math.max(nextMs - 1, nowMs - windowMs) : nowMs;
}

function stop(
  { status }: Sighting,
  phase: Exclude<SchedulePhase, 'active'>,
  reason: string,
): Extract<Verdict, { kind: 'stop' | 'reword' | 'leave' }> {
  if (status?.phase !== phase) return { kind: 'stop', phase, reason };
  return status.reason === reason ? { kind: 'leave' } : { kind: 'reword', reason };
}

const isDue = ({ nextAt }: Pick<ScheduleStatus, 'nextAt'>, nowMs: number): boolean =>
  nextAt !== undefined && nextAt.getTime() <= nowMs;
