import type { AnyBulkWriteOperation, Collection, Document } from 'mongodb';
import { unixSeconds } from '../../infra/mongo/unix-seconds.ts';
import { runIdOf } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { Stuck } from './batch.ts';
import type { ScheduleLedger } from './ledger.ts';

/** What is caught up in several batches was missed together. */
const MISSED_TOGETHER_MS = 60_000;
/** Another host, with other time zones, or a repaired document, may make something of it. */
const TRY_AGAIN_MS = 30_000;

/**
 * Moves each schedule on, its new runs in line, and gives the claim back. Only where the claim is still ours: who took it
 * over does this too. Resolves with the number of claims that were not.
 *
 * Schedules that move alike go as one: of the thousands that are due on the hour, most do, and a write of its own for each
 * would cost five times as much.
 */
export async function advance(
  statuses: Collection<ScheduleStatus>,
  owner: string,
  { ledgers, stuck }: { ledgers: readonly ScheduleLedger[]; stuck: readonly Stuck[] },
  nowMs: number,
): Promise<number> {
  const updatedAt = new Date(nowMs);
  const release = { claim: null, updatedAt };
  const operations: AnyBulkWriteOperation<ScheduleStatus>[] = [];
  const add = (ids: readonly string[], update: Document[]): void => {
    if (ids.length === 0) return;
    operations.push({ updateMany: { filter: { _id: { $in: [...ids] }, 'claim.owner': owner }, update } });
  };
  for (const alike of groups(ledgers, moveText)) {
    const { handledThrough, nextAt, ticks } = alike[0];
    const move = {
      ...release,
      handledThrough,
      nextAt: nextAt ?? '$$REMOVE',
      stuck: '$$REMOVE',
      ...lineWith(ticks),
      ...missedWith(ticks, updatedAt),
    };
    add(
      alike.map(({ due }) => due.status._id),
      [{ $set: move }],
    );
  }
  const until = new Date(nowMs + TRY_AGAIN_MS);
  for (const alike of groups(stuck, ({ reason }) => reason)) {
    const since = { $ifNull: ['$stuck.since', updatedAt] };
    add(
      alike.map(({ status }) => status._id),
      [{ $set: { ...release, stuck: { reason: { $literal: alike[0].reason }, since, until } } }],
    );
  }
  if (operations.length === 0) return 0;
  const { matchedCount } = await statuses.bulkWrite(operations, { ordered: false });
  return ledgers.length + stuck.length - matchedCount;
}

/** Others read `next_execution_time`. Where somebody wrote another one since it was read, that is newer than ours. */
export async function tellNext(
  schedules: Collection<ScheduleDocument>,
  ledgers: readonly ScheduleLedger[],
): Promise<void> {
  // Of one that does not tick any more, only the planner says so: it announces none.
  const ticking = ledgers.flatMap(({ nextAt, due: { document, rule } }) =>
    nextAt === undefined || 'stopped' in rule || document === undefined
      ? []
      : { id: document.id, told: document.next_execution_time, nextAt },
  );
  const operations = groups(ticking, ({ told, nextAt }) => `${told ?? ''} ${nextAt.getTime()}`).map(
    (alike): AnyBulkWriteOperation<ScheduleDocument> => {
      const { told, nextAt } = alike[0];
      return {
        updateMany: {
          // Of documents that lack it, null is true as well.
          filter: { id: { $in: alike.map(({ id }) => id) }, next_execution_time: (told ?? null) as number },
          update: { $set: { next_execution_time: unixSeconds(nextAt.getTime()) } },
        },
      };
    },
  );
  if (operations.length > 0) await schedules.bulkWrite(operations, { ordered: false });
}

/** Equal where two schedules move alike. */
const moveText = ({ handledThrough, nextAt, ticks }: ScheduleLedger): string => {
  const missed = missedOf(ticks);
  const times = [handledThrough, nextAt, missed[0], missed.at(-1), ...entering(ticks)];
  return [missed.length, ...times.map((at) => at?.getTime() ?? '')].join(' ');
};

const missedOf = (ticks: ScheduleLedger['ticks']): Date[] =>
  ticks.filter(({ missed }) => missed).map(({ nominalMs }) => new Date(nominalMs));

const entering = (ticks: ScheduleLedger['ticks']): Date[] =>
  ticks.filter(({ runs }) => runs).map(({ nominalMs }) => new Date(nominalMs));

/** The line with the runs of these ticks behind those that are in it; those that are in it already stay where they are. */
function lineWith(ticks: ScheduleLedger['ticks']): { line?: Document } {
  const ids = entering(ticks).map((nominal) => ({ $concat: ['$_id', runIdOf('', nominal)] }));
  if (ids.length === 0) return {};
  const line = { $ifNull: ['$line', []] };
  const isNew = { $not: { $in: ['$$this', line] } };
  return { line: { $concatArrays: [line, { $filter: { input: ids, cond: isNew } }] } };
}

/** What was missed, with what the batches just before found: it is told to people (`producers/notify`). */
function missedWith(ticks: ScheduleLedger['ticks'], at: Date): { missed?: Document } {
  const missed = missedOf(ticks);
  const [first] = missed;
  if (first === undefined) return {};
  const together = { $gt: ['$missed.at', new Date(at.getTime() - MISSED_TOGETHER_MS)] };
  return {
    missed: {
      at,
      ticks: { $add: [missed.length, { $cond: [together, '$missed.ticks', 0] }] },
      first: { $cond: [together, '$missed.first', first] },
      last: missed.at(-1),
    },
  };
}

/** In the order in which the first of each comes. */
function groups<Item>(items: readonly Item[], key: (item: Item) => string): [Item, ...Item[]][] {
  const byKey = new Map<string, [Item, ...Item[]]>();
  for (const item of items) {
    const group = byKey.get(key(item));
    if (group === undefined) byKey.set(key(item), [item]);
    else group.push(item);
  }
  return [...byKey.values()];
}
