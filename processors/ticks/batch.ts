import type { TrustedClock } from '../../infra/clock.ts';
import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { beginSpan, type Span } from '../../infra/tracing/tracing.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { advance, tellNext } from './advance.ts';
import { abandon, claimDue, CLAIM_MS, type ClaimedStatus } from './claims.ts';
import {
  dueOf,
  ledgerOf,
  tickIds,
  type DueDocument,
  type DueHold,
  type DueSchedule,
  type ExistingRun,
  type ScheduleLedger,
} from './ledger.ts';
import { cancelReplaced, insertRecords, readRecords } from './records.ts';

/** Schedules of one batch, and nominal times of all of them: so that a batch takes a fraction of what its claim lasts. */
const SCHEDULES_AT_ONCE = 1_000;
const TICKS_AT_ONCE = 10_000;
/** Nominal times of one schedule in a batch, where few are due. */
const TICKS_OF_ONE = 1_000;
/** We believe in a claim for less time than others respect it. */
const TRUST_MS = CLAIM_MS * 0.9;

export type TickDeps = {
  collections: Pick<Collections, 'schedules' | 'scheduleStatus' | 'runs' | 'holds'>;
  queues: Pick<ScheduleQueues, 'addRuns'>;
  clock: Pick<TrustedClock, 'now'>;
  operator: ScheduleOperator;
  /** A nominal time handled later than this was missed. */
  misfireAfterMs: number;
  /** Names a claim. */
  newId: () => string;
  log: Logger;
};

/** A schedule whose ticks cannot be worked out now: nothing of it is given up, and it is tried again. */
export type Stuck = { status: ClaimedStatus; reason: string };

export type Batch = {
  ledgers: ScheduleLedger[];
  stuck: Stuck[];
  /** When it was taken in hand. */
  takenMs: number;
  /** By which it decided. */
  nowMs: number;
  /** Whether more may be due already. */
  more: boolean;
  /** What is left to do for it, which the next batch need not wait for: runs queued, next times told. */
  rest: Promise<void>;
};

/**
 * Makes exactly one record of each nominal time that is due, a thousand schedules at a time. Each step may be the last of
 * this process: claims lapse, and whoever claims next does all of it again, to the same end (`README.md`).
 */
export async function handleBatch(deps: TickDeps): Promise<Batch> {
  const { scheduleStatus } = deps.collections;
  const owner = deps.newId();
  const takenMs = deps.clock.now();
  const claims = await claimDue(scheduleStatus, { owner, nowMs: takenMs, limit: SCHEDULES_AT_ONCE });
  // Should our clock be behind (the machine slept), what MongoDB said when it granted the claim counts.
  const nowMs = Math.max(takenMs, claims.atMs ?? 0);
  try {
    const stuck: Stuck[] = [];
    const ticking = await readDue(deps, claims.statuses, stuck, nowMs);
    const ledgers = await record(deps, ticking, stuck, { takenMs, nowMs });
    await cancelReplaced(deps.collections.runs, ledgers, nowMs);
    const lost = await advance(scheduleStatus, owner, { ledgers, stuck }, nowMs);
    if (lost > 0) deps.log.warn({ lost }, 'Claims on schedules lapsed before their ticks were handled');
    const full = claims.due === SCHEDULES_AT_ONCE && claims.statuses.length > 0;
    const more = full || ticking.some((due) => due.more);
    const rest = Promise.all([
      enqueue(deps, ledgers, nowMs),
      tellNext(deps.collections.schedules, ledgers),
    ]).then(() => undefined);
    return { ledgers, stuck, takenMs, nowMs, more, rest };
  } catch (error) {
    await abandon(
      scheduleStatus,
      owner,
      claims.statuses.map(({ _id }) => _id),
    );
    throw error;
  }
}

/** Reads the documents and holds of what was claimed, and works out what of it is due. */
async function readDue(
  { collections, operator, log }: TickDeps,
  statuses: readonly ClaimedStatus[],
  stuck: Stuck[],
  nowMs: number,
): Promise<DueSchedule[]> {
  const ids = statuses.map(({ _id }) => _id);
  if (ids.length === 0) return [];
  const [found, holds] = await Promise.all([
    collections.schedules
      .find({ id: { $in: ids } })
      .project<DueDocument>({ _id: 0, id: 1, enabled: 1, config: 1, next_execution_time: 1 })
      .toArray(),
    collections.holds
      .find({ _id: { $in: ids } })
      .project<DueHold & { _id: string }>({ who: 1, why: 1 })
      .toArray(),
  ]);
  const documents = new Map(found.map((document) => [document.id, document]));
  const holdOf = new Map(holds.map((hold) => [hold._id, hold]));
  const limit = Math.min(TICKS_OF_ONE, Math.max(1, Math.floor(TICKS_AT_ONCE / ids.length)));
  return each(statuses, { stuck, log }, (status) => ({
    status,
    work: () => {
      const seen = { document: documents.get(status._id), hold: holdOf.get(status._id) };
      return dueOf(status, seen, { nowMs, limit, operator });
    },
  }));
}

/** Decides and records. Where somebody was faster, what he recorded counts. */
async function record(
  { collections: { runs }, clock, misfireAfterMs, log }: TickDeps,
  due: readonly DueSchedule[],
  stuck: Stuck[],
  { takenMs, nowMs }: { takenMs: number; nowMs: number },
): Promise<ScheduleLedger[]> {
  const decide = (
    some: readonly DueSchedule[],
    existing: ReadonlyMap<string, ExistingRun>,
  ): ScheduleLedger[] =>
    each(some, { stuck, log }, (one) => ({
      status: one.status,
      work: () => ledgerOf(one, existing, { nowMs, misfireAfterMs }),
    }));
  const unfinished = due.filter(({ status }) => status.unfinished);
  const decided = decide(due, await readRecords(runs, unfinished.flatMap(tickIds)));
  // Who was stopped in the meantime may have been succeeded, and the schedule disabled or timed otherwise since: its
  // ticks are not ours to record any more.
  if (clock.now() - takenMs > TRUST_MS) throw new Error('the claims on schedules lapsed meanwhile');
  const records = decided.flatMap(({ ticks }) => ticks.flatMap((tick) => tick.record ?? []));
  const doubles = new Set(await insertRecords(runs, records));
  if (doubles.size === 0) return decided;

  const isDoubled = ({ ticks }: ScheduleLedger): boolean => ticks.some(({ runId }) => doubles.has(runId));
  const doubled = decided.filter(isDoubled).map((ledger) => ledger.due);
  const ids = doubled.flatMap(tickIds);
  const there = await readRecords(runs, ids);
  if (there.size < ids.length) throw new Error('records of ticks were there, and are not to be read');
  return [...decided.filter((ledger) => !isDoubled(ledger)), ...decide(doubled, there)];
}

/** Does the work of each; a schedule that cannot be worked out waits to be tried again, and holds up no other. */
function each<Item, Result extends object>(
  items: readonly Item[],
  { stuck, log }: { stuck: Stuck[]; log: Logger },
  prepare: (item: Item) => { status: ClaimedStatus; work: () => Result },
): Result[] {
  return items.flatMap((item) => {
    const { status, work } = prepare(item);
    try {
      return [work()];
    } catch (error) {
      const reason = messageOf(error);
      log.error({ scheduleId: status._id, error: reason }, 'The ticks of a schedule cannot be worked out');
      stuck.push({ status, reason });
      return [];
    }
  });
}

/**
 * Every new run gets its job, also one that has to wait in line: whoever it waits for may have left the line just before it
 * entered, and then found nobody to wake. So do the runs that make room, which may be waiting themselves.
 */
async function enqueue(
  { queues }: TickDeps,
  ledgers: readonly ScheduleLedger[],
  nowMs: number,
): Promise<void> {
  const spans: Span[] = [];
  const runs = ledgers.flatMap(({ lined, due }) =>
    lined.map(({ runId, cause, dueMs, rank }) => {
      const span = beginSpan('tick', {
        kind: 'producer',
        fields: { 'the0.id': due.status._id, 'the0.run': runId, 'the0.cause': cause },
      });
      if (span !== undefined) spans.push(span);
      return { runId, cause, rank, delayMs: Math.max(0, dueMs - nowMs), traceparent: span?.traceparent };
    }),
  );
  const queued = new Set(runs.map(({ runId }) => runId));
  const cancelled = ledgers
    .flatMap(({ cancels }) => cancels.flatMap(({ runIds }) => runIds))
    .filter((runId) => !queued.has(runId))
    .map((runId) => ({ runId, cause: 'cancelled' }));
  const items = [...runs, ...cancelled];
  try {
    if (items.length > 0) await queues.addRuns(items);
  } finally {
    for (const span of spans) span.end();
  }
}
