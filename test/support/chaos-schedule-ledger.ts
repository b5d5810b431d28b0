import { Cron } from 'croner';
import { FINAL_RUN_STATES, type Run, type RunState } from '../../model/runs.ts';

/** Of a reason, to count the like of it; ids and times are left out. */
const REASON_WORDS = 6;

/** A schedule as the check knows it: from what was asked for, not from what the product made of it. */
export type LedgerSchedule = {
  id: string;
  cron: string;
  zone: string;
  /** Containers of it at once. */
  max: number;
};

export type LedgerRecord = Pick<
  Run,
  '_id' | 'scheduleId' | 'kind' | 'nominal' | 'state' | 'startedAt' | 'reason'
> & { attempts: readonly Pick<Run['attempts'][number], 'startedAt'>[] };

/** What the engine saw of a run's container, in the engine's own order. */
export type RunHistory = {
  type: 'started' | 'ended';
  scheduleId: string;
  runId: string;
  containerId: string;
  atMs: number;
  exitCode?: number;
};

/** Each list names what is wrong; all are empty when all is well. */
export type LedgerFindings = {
  /** Nominal times without a record. */
  lost: string[];
  /** Nominal times with more than one. */
  doubled: string[];
  /** Ticks recorded for times at which nothing was due. */
  invented: string[];
  /** Records that are not final. */
  open: string[];
  /** More containers of a schedule at once than it allows. */
  overlaps: string[];
  /** Runs executed more often than their record has attempts, or again after a success. */
  executedTwice: string[];
  /** Containers that no record speaks of. */
  unrecorded: string[];
  /** Records that say something else than the engine saw. */
  untrue: string[];
};

export type LedgerReport = LedgerFindings & {
  /** Nominal times in the span, of all schedules. */
  due: number;
  /** Records of the span by state. */
  records: Partial<Record<RunState, number>>;
  /** Why the others than the succeeded ones are what they are: state and first words of the reason. */
  reasons: Record<string, number>;
  starts: number;
};

export type LedgerInput = {
  schedules: readonly LedgerSchedule[];
  /** All records of these schedules, also those outside the span. */
  records: readonly LedgerRecord[];
  history: readonly RunHistory[];
  /** Nominal times in (fromMs, untilMs] must have their record. */
  fromMs: number;
  untilMs: number;
};

/**
 * Compares what was due (by `croner`, which the product does not use), what was recorded and what the engine saw. Knows
 * nothing of how the product works.
 */
export function checkLedger(input: LedgerInput): LedgerReport {
  const { schedules, records, history, fromMs, untilMs } = input;
  const inSpan = (atMs: number): boolean => atMs > fromMs && atMs <= untilMs;
  const ticks = Map.groupBy(
    records.filter(({ kind }) => kind === 'tick'),
    ({ scheduleId, nominal }) => keyOf(scheduleId, nominal.getTime()),
  );
  const dueTimes = dueTimesReader(fromMs, untilMs);
  const due = new Set(
    schedules.flatMap(({ id, cron, zone }) => dueTimes(cron, zone).map((at) => keyOf(id, at))),
  );
  const ofSpan = records.filter(({ kind, nominal }) => kind === 'tick' && inSpan(nominal.getTime()));
  return {
    due: due.size,
    records: countBy(ofSpan, ({ state }) => state),
    reasons: countBy(
      ofSpan.filter(({ state }) => state !== 'succeeded'),
      ({ state, reason }) => `${state}: ${kindOf(reason)}`,
    ),
    starts: history.filter(({ type }) => type === 'started').length,
    lost: [...due].filter((key) => !ticks.has(key)),
    doubled: [...ticks]
      .filter(([, same]) => same.length > 1)
      .map(([key, same]) => `${key}: ${same.length} records`),
    invented: [...ticks.keys()].filter(
      (key) => inSpan(Date.parse(key.slice(key.indexOf(' ') + 1))) && !due.has(key),
    ),
    open: records
      .filter(({ state }) => !(FINAL_RUN_STATES as readonly string[]).includes(state))
      .map(({ _id, state, reason }) => `${_id} is ${state}: ${reason}`),
    ...checkHistory(schedules, records, history),
  };
}

/** Everything that is wrong, in one list; each with the name of its kind. */
export function findingsOf(report: LedgerFindings): string[] {
  const { lost, doubled, invented, open, overlaps, executedTwice, unrecorded, untrue } = report;
  const kinds = { lost, doubled, invented, open, overlaps, executedTwice, unrecorded, untrue };
  return Object.entries(kinds).flatMap(([kind, found]) => found.map((what) => `${kind}: ${what}`));
}

const kindOf = (reason: string): string =>
  reason
    .replaceAll(/\S*\d\S*/g, '…')
    .split(/\s+/, REASON_WORDS)
    .join(' ');

const keyOf = (scheduleId: string, atMs: number): string => `${scheduleId} ${new Date(atMs).toISOString()}`;

/** Many schedules share a cron text, so each text is worked out once. */
function dueTimesReader(fromMs: number, untilMs: number): (cron: string, zone: string) => readonly number[] {
  const known = new Map<string, number[]>();
  return (cron, zone) => {
    const key = `${zone} ${cron}`;
    const times = known.get(key) ?? dueTimesOf(cron, zone, fromMs, untilMs);
    known.set(key, times);
    return times;
  };
}

function dueTimesOf(cron: string, zone: string, fromMs: number, untilMs: number): number[] {
  const calendar = new Cron(cron, { timezone: zone, paused: true });
  const times: number[] = [];
  let next = calendar.nextRun(new Date(fromMs));
  while (next !== null && next.getTime() <= untilMs) {
    // A fractional second in `fromMs` may bring the same second again, which is not after it.
    if (next.getTime() > fromMs) times.push(next.getTime());
    next = calendar.nextRun(next);
  }
  return times;
}

function checkHistory(
  schedules: readonly LedgerSchedule[],
  records: readonly LedgerRecord[],
  history: readonly RunHistory[],
): Pick<LedgerFindings, 'overlaps' | 'executedTwice' | 'unrecorded' | 'untrue'> {
  const maxOf = new Map(schedules.map(({ id, max }) => [id, max]));
  const recordOf = new Map(records.map((record) => [record._id, record]));
  const byRun = Map.groupBy(history, ({ runId }) => runId);
  const executedTwice: string[] = [];
  const unrecorded: string[] = [];
  const untrue: string[] = [];
  for (const [runId, entries] of byRun) {
    const record = recordOf.get(runId);
    if (record === undefined) unrecorded.push(`${runId} ran and has no record`);
    else executedTwice.push(...againOf(record, entries));
  }
  for (const record of records) {
    const lie = lieOf(record, byRun.get(record._id) ?? []);
    if (lie !== undefined) untrue.push(lie);
  }
  return { overlaps: overlapsOf(maxOf, history), executedTwice, unrecorded, untrue };
}

function overlapsOf(maxOf: ReadonlyMap<string, number>, history: readonly RunHistory[]): string[] {
  const running = new Map<string, Map<string, string>>();
  const overlaps: string[] = [];
  for (const { type, scheduleId, runId, containerId, atMs } of history) {
    const mine = running.get(scheduleId) ?? new Map<string, string>();
    running.set(scheduleId, mine);
    if (type === 'ended') mine.delete(containerId);
    else mine.set(containerId, runId);
    if (type === 'started' && mine.size > (maxOf.get(scheduleId) ?? 1))
      overlaps.push(`${[...mine.values()].join(' and ')} at ${new Date(atMs).toISOString()}`);
  }
  return overlaps;
}

/** A run may start as often as its record has attempts that started, and never after a success. */
function againOf(record: LedgerRecord, entries: readonly RunHistory[]): string[] {
  const starts = entries.filter(({ type }) => type === 'started');
  const attempts = [...record.attempts, record].filter(({ startedAt }) => startedAt !== undefined).length;
  const found: string[] = [];
  if (starts.length > attempts)
    found.push(`${record._id} was started ${starts.length} times, recorded are ${attempts}`);
  if (new Set(starts.map(({ containerId }) => containerId)).size < starts.length)
    found.push(`${record._id}: a container of it was started again`);
  const succeeded = entries.findIndex(({ type, exitCode }) => type === 'ended' && exitCode === 0);
  if (succeeded >= 0 && entries.slice(succeeded).some(({ type }) => type === 'started'))
    found.push(`${record._id} was started again after its success`);
  return found;
}

function lieOf(record: LedgerRecord, entries: readonly RunHistory[]): string | undefined {
  const { _id, state } = record;
  const last = entries.findLast(({ type }) => type === 'ended');
  if (state === 'skipped' && entries.length > 0) return `${_id} is recorded as skipped, and ran`;
  if (state === 'succeeded' && last?.exitCode !== 0)
    return `${_id} is recorded as succeeded, and the engine saw ${last === undefined ? 'no end of it' : `exit code ${last.exitCode ?? 'unknown'}`}`;
  if (state === 'failed' && last?.exitCode === 0) return `${_id} is recorded as failed, and ended with 0`;
  return undefined;
}

function countBy<Item, Key extends string>(
  items: readonly Item[],
  keyOfItem: (item: Item) => Key,
): Record<Key, number> {
  const counts = {} as Record<Key, number>;
  for (const item of items) counts[keyOfItem(item)] = (counts[keyOfItem(item)] ?? 0) + 1;
  return counts;
}
