import { nominalsBetween, type Timing } from '../../model/cron/timing.ts';
import { runIdOf, type Run, type RunAttempt, type RunState } from '../../model/runs.ts';
import { InvalidRequest, TooMuch } from './errors.ts';

/** What a backfill would do about one nominal time, and why. */
export type BackfillItem = {
  nominal: Date;
  runId: string;
  /** What is on record; absent where nothing is. */
  state?: RunState;
  action: 'new' | 'again' | 'left';
  why: string;
};

export const MAX_BACKFILL = 1_000;
const DAY_MS = 86_400_000;
const MAX_SPAN_DAYS = 366;

export type Span = { from: Date; to: Date };

/**
 * The nominal times of a span, both ends included.
 * @throws InvalidRequest, TooMuch
 */
export function nominalsOfSpan(timing: Timing, { from, to }: Span, nowMs: number): Date[] {
  const [fromMs, toMs] = [from.getTime(), to.getTime()];
  if (Number.isNaN(fromMs))
    throw new InvalidRequest('from', 'It is no time', 'write it like 2026-11-24T10:00:00Z');
  if (Number.isNaN(toMs))
    throw new InvalidRequest('to', 'It is no time', 'write it like 2026-11-24T10:00:00Z');
  if (toMs < fromMs)
    throw new InvalidRequest(
      'to',
      'The span ends before it begins',
      'give the earlier time as its beginning',
    );
  if (toMs > nowMs)
    throw new InvalidRequest(
      'to',
      `The span ends in the future, at ${to.toISOString()}`,
      'end it now or earlier: what is to come ticks by itself',
    );
  if (toMs - fromMs > MAX_SPAN_DAYS * DAY_MS)
    throw new TooMuch(
      'from',
      `The span has ${Math.ceil((toMs - fromMs) / DAY_MS)} days`,
      `take at most ${MAX_SPAN_DAYS} at once`,
    );
  const times = nominalsBetween(timing, fromMs - 1, toMs, MAX_BACKFILL + 1);
  if (times.length > MAX_BACKFILL)
    throw new TooMuch(
      'to',
      `The span holds more than ${MAX_BACKFILL} nominal times`,
      `end it at ${new Date(times[MAX_BACKFILL - 1] ?? toMs).toISOString()} and do the rest afterwards`,
    );
  return times.map((ms) => new Date(ms));
}

/** What is known besides the records. */
export type Known = {
  now: Date;
  /** Up to where the schedule's own ticks are handled; what comes after is theirs. Absent while it does not tick. */
  handledThrough?: Date | undefined;
  /** Records of times before it may have been deleted. */
  recordsFrom?: Date | undefined;
};

/** Decides about each nominal time by what is on record. */
export function decideBackfill(
  scheduleId: string,
  nominals: readonly Date[],
  records: readonly Pick<Run, '_id' | 'state' | 'reason'>[],
  known: Known,
): BackfillItem[] {
  const recordOf = new Map(records.map((record) => [record._id, record]));
  return nominals.map((nominal) => {
    const runId = runIdOf(scheduleId, nominal);
    const record = recordOf.get(runId);
    const base = { nominal, runId };
    if (record === undefined) {
      const why = whyLeft(nominal, known);
      return why === undefined
        ? { ...base, action: 'new', why: 'nothing is on record' }
        : { ...base, action: 'left', why };
    }
    const recorded = { ...base, state: record.state };
    switch (record.state) {
      case 'succeeded':
        return { ...recorded, action: 'left', why: 'it succeeded' };
      case 'queued':
      case 'preparing':
      case 'running':
      case 'retrying':
        return { ...recorded, action: 'left', why: 'it is not over' };
      case 'skipped':
      case 'failed':
      case 'timed-out':
      case 'cancelled':
        return { ...recorded, action: 'again', why: record.reason };
    }
  });
}

/** Why a time without a record is left alone all the same. */
function whyLeft(nominal: Date, { now, handledThrough, recordsFrom }: Known): string | undefined {
  if (nominal > now) return 'it is still to come';
  if (recordsFrom !== undefined && nominal < recordsFrom)
    return 'its record was deleted by retention; whether it ran is not known';
  if (handledThrough !== undefined && nominal > handledThrough) return 'its own tick is about to be handled';
  return undefined;
}

/** The attempt that a final record tells of; undefined where none was made. */
export function lastAttemptOf(run: Run): RunAttempt | undefined {
  const { state } = run;
  if (run.attempt === 0 || (state !== 'failed' && state !== 'timed-out' && state !== 'cancelled'))
    return undefined;
  // The attempt is there already where the run ended between two.
  if (run.attempts.some(({ attempt }) => attempt === run.attempt)) return undefined;
  const { startedAt, exitCode, signal, oomKilled, containerId, processor } = run;
  return {
    attempt: run.attempt,
    outcome: state,
    reason: run.reason,
    endedAt: run.endedAt ?? run.updatedAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(oomKilled === undefined ? {} : { oomKilled }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(processor === undefined ? {} : { processor }),
  };
}
