import { hash } from 'node:crypto';
import type { Timing } from './cron/timing.ts';
import { durationText } from './duration.ts';
import type { Overlap, SchedulePolicy } from './schedules.ts';

export type TickInput = {
  /** All nominal times since the last one handled, or the oldest of them: oldest first, epoch milliseconds. */
  nominals: readonly number[];
  /** By the trusted clock; need not be whole. */
  nowMs: number;
  policy: Pick<SchedulePolicy, 'misfire' | 'overlap' | 'jitterMs'>;
  /** Says what else was missed where `nominals` are only the oldest ones. */
  timing: Pick<Timing, 'next' | 'previous'>;
  /** A nominal time handled later than this was missed: `misfire` decides about it, else `overlap`. */
  misfireAfterMs: number;
  /** Ids of the schedule's runs that are not over, in order. */
  line: readonly string[];
  runId: (nominalMs: number) => string;
  /** In [0, 1), the same for the same nominal time each time it is asked: `jitterOf`. */
  jitter: (nominalMs: number) => number;
};

/** What becomes of a nominal time. `reason`: of its record, in plain words. */
export type TickDecision =
  | {
      nominalMs: number;
      run: true;
      /** To be appended to the line, unless it is in it. */
      runId: string;
      cause: 'tick' | 'caught up';
      reason: string;
      /** Nominal time and jitter. */
      dueMs: number;
      /** Ids of runs to be cancelled for it, among them ones that were decided just before. */
      cancels: string[];
    }
  | { nominalMs: number; run: false; reason: string };

/**
 * Decides each nominal time once. Missed ones go by the misfire policy, and those it picks wait in line whatever the
 * overlap policy; the others go by the overlap policy, looking at the line as the decisions before have left it. Handing
 * over the nominal times in chunks, with the line carried over and the same `nowMs`, comes to the same.
 */
export function decideTicks(input: TickInput): TickDecision[] {
  const { nominals, nowMs, policy, misfireAfterMs, runId, jitter } = input;
  // Of whole milliseconds, those before this one were missed: `now - nominal > misfireAfter`.
  const missedBeforeMs = Math.ceil(nowMs - misfireAfterMs);
  const missed = nominals.filter((nominalMs) => nominalMs < missedBeforeMs);
  const reasonToSkipMissed = misfireRule(input, missed, missedBeforeMs);
  const line = new Line(input.line);

  const run = (
    nominalMs: number,
    cause: 'tick' | 'caught up',
    reason: string,
    cancels: string[] = [],
  ): TickDecision => {
    const id = runId(nominalMs);
    line.add(id);
    const delayMs = policy.jitterMs === 0 ? 0 : Math.floor(jitter(nominalMs) * policy.jitterMs);
    return {
      nominalMs,
      run: true,
      runId: id,
      cause,
      reason: `Queued: ${reason}`,
      dueMs: nominalMs + delayMs,
      cancels,
    };
  };
  const skip = (nominalMs: number, reason: string): TickDecision => ({
    nominalMs,
    run: false,
    reason: `Skipped: ${reason}`,
  });

  return nominals.map((nominalMs, index) => {
    if (index < missed.length) {
      const reason = reasonToSkipMissed(nominalMs, index);
      if (reason !== undefined) return skip(nominalMs, reason);
      const late = latenessText(nowMs - nominalMs);
      return run(nominalMs, 'caught up', `missed by ${late}, caught up (misfire ${policy.misfire.policy})`);
    }
    const verdict = overlapRule(policy.overlap, line.before(runId(nominalMs)), nominalMs);
    return verdict.run
      ? run(nominalMs, 'tick', verdict.reason, verdict.cancels)
      : skip(nominalMs, verdict.reason);
  });
}

/**
 * Why a missed nominal time is skipped, or undefined if it runs. Of all missed ones the newest `max` run, as far as they are
 * within the window: one for `fire-once`, none for `skip`. Those that are missed and not yet handed over count as well.
 */
function misfireRule(
  { nowMs, policy: { misfire }, timing }: TickInput,
  missed: readonly number[],
  missedBeforeMs: number,
): (nominalMs: number, index: number) => string | undefined {
  const last = missed.at(-1);
  if (last === undefined) return () => undefined;
  const inWindow = (nominalMs: number): boolean => nowMs - nominalMs <= misfire.windowMs;
  const newer = countBetween(timing, last, missedBeforeMs, misfire.max);
  const newest = newer === 0 ? last : (timing.previous(missedBeforeMs - 1) ?? last);

  return (nominalMs, index) => {
    const late = `missed by ${latenessText(nowMs - nominalMs)}`;
    const rank = newer + missed.length - index;
    if (misfire.policy === 'skip') return `${late} while nobody handled ticks (misfire skip)`;
    if (misfire.policy === 'fire-once' && rank > 1 && inWindow(newest))
      return `${late} and coalesced into the run of ${momentText(newest, nominalMs)} (misfire fire-once)`;
    if (!inWindow(nominalMs))
      return `${late}, older than the window of ${durationText(misfire.windowMs)} (misfire ${misfire.policy})`;
    if (rank > misfire.max)
      return `${late}, and only the newest ${misfire.max} missed ${misfire.max === 1 ? 'tick runs' : 'ticks run'} (misfire fire-all)`;
    return undefined;
  };
}

/** How many nominal times lie between the two moments; at most `most` are counted, as more of them make no difference. */
function countBetween(timing: Pick<Timing, 'next'>, afterMs: number, beforeMs: number, most: number): number {
  let count = 0;
  let at = count < most ? timing.next(afterMs) : undefined;
  while (at !== undefined && at < beforeMs) {
    count += 1;
    at = count < most ? timing.next(at) : undefined;
  }
  return count;
}

type Verdict = { run: true; reason: string; cancels: string[] } | { run: false; reason: string };

/** What becomes of an on-time tick behind the runs that are not over. */
function overlapRule({ policy, max }: Overlap, line: readonly string[], nominalMs: number): Verdict {
  const [first, second] = line.slice(0, 2).map((id) => runText(id, nominalMs));
  const goes = (reason: string, cancels: string[] = []): Verdict => ({ run: true, reason, cancels });
  const stays = (reason: string): Verdict => ({ run: false, reason: `${reason} (overlap ${policy})` });
  if (first === undefined) return goes('it is its turn');
  switch (policy) {
    case 'forbid':
      return stays(`${first} is not over`);
    case 'queue-one':
      if (second === undefined) return goes(`it waits for ${first} to end (overlap queue-one)`);
      return stays(`${first} is not over, and ${second} waits for it`);
    case 'replace':
      return goes(
        `it replaces ${second === undefined ? first : `${line.length} runs, the oldest of them ${first}`} (overlap replace)`,
        [...line],
      );
    case 'allow':
      if (line.length < max) return goes('it is its turn');
      return stays(
        max === 1 ? `${first} is not over` : `${line.length} runs are not over, and ${max} may go at once`,
      );
  }
}

/** The runs that are not over, as each decision leaves them. */
class Line {
  readonly #ids: string[];
  readonly #known: Set<string>;

  constructor(ids: readonly string[]) {
    this.#ids = [...ids];
    this.#known = new Set(ids);
  }

  add(id: string): void {
    if (this.#known.has(id)) return;
    this.#ids.push(id);
    this.#known.add(id);
  }

  /** Whom a run finds before it. A tick that is handled again, after a crash, may find itself: it never cancels itself. */
  before(id: string): readonly string[] {
    return this.#known.has(id) ? this.#ids.slice(0, this.#ids.indexOf(id)) : this.#ids;
  }
}

/** The jitter of a schedule's ticks: at random, yet the same whoever works it out. */
export const jitterOf =
  (scheduleId: string) =>
  (nominalMs: number): number =>
    Number.parseInt(hash('sha256', `${scheduleId}@${nominalMs}`).slice(0, 8), 16) / 2 ** 32;

const latenessText = (ms: number): string => durationText(ms < 1000 ? ms : Math.floor(ms / 1000) * 1000);

/** `10:45 UTC`, with seconds if it has any, and with the date if it is not that of the other moment. */
function momentText(ms: number, besideMs: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split('T');
  const sameDay = date === new Date(besideMs).toISOString().slice(0, date.length);
  return `${sameDay ? '' : `${date} `}${time.slice(0, time.slice(6, 8) === '00' ? 5 : 8)} UTC`;
}

/** As `model/runs.ts` names a run of a tick. */
const TICK_RUN = /@(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

function runText(runId: string, besideMs: number): string {
  const [, year, month, day, hours, minutes, seconds] = TICK_RUN.exec(runId) ?? [];
  if (year === undefined) return 'a run that was asked for by hand';
  const ms = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(ms) ? 'an earlier run' : `the run of ${momentText(ms, besideMs)}`;
}
