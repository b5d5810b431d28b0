import type { Filter } from 'mongodb';
import type { ScheduleStatus } from '../../../model/schedule-status.ts';
import type { PageKey } from '../page-token.ts';
import {
  countParts,
  idsOf,
  partsOf,
  whetherFailing,
  type Part,
  type PartFilter,
  type Stores,
} from './parts.ts';
import { compareKeys, type Entry, type ScheduleOrder } from './places.ts';
import type { ViewPhase } from './view.ts';

/** A page's entries and what is said of the whole list. */
export type Found = { entries: Entry[]; counts: Map<ViewPhase, number> };

/**
 * The entries after a place, each order along its indexes: what is read grows with the page and not with the list, but for the
 * counts. (An order by name has no such index, nor has a search.)
 */
export async function walk(
  stores: Stores,
  query: { filter: PartFilter; order: Exclude<ScheduleOrder, 'name'> },
  { after, limit }: { after: PageKey | undefined; limit: number },
): Promise<Found> {
  const { filter, order } = query;
  const wanted = partsOf(filter);
  const all = await countParts(stores);
  const counts = new Map<ViewPhase, number>();
  // Parts that hold nothing are not looked for: the walk through documents without a status is long.
  const parts = all.map(({ count, failingCount }, rank) => {
    const part = wanted[rank];
    const holds = part?.failing === true ? failingCount : count;
    if (part === undefined || holds === 0) return undefined;
    counts.set(part.phase, (counts.get(part.phase) ?? 0) + holds);
    return part;
  });
  const entries = await STEPS[order]({ stores, parts, filter, after, limit });
  return { entries: withoutDoubles(entries).slice(0, limit), counts };
}

type Step = {
  stores: Stores;
  /** By rank. */
  parts: readonly (Part | undefined)[];
  filter: PartFilter;
  after: PageKey | undefined;
  limit: number;
};

const STEPS: Readonly<Record<Exclude<ScheduleOrder, 'name'>, (step: Step) => Promise<Entry[]>>> = {
  trouble: byTrouble,
  id: byId,
  next: byNext,
};

/** Part after part. */
async function byTrouble({ stores, parts, after, limit }: Step): Promise<Entry[]> {
  const [fromRank, fromId] = (after ?? [0, undefined]) as [number, string | undefined];
  const found: Entry[] = [];
  for (const [rank, part] of parts.entries()) {
    if (part === undefined || rank < fromRank) continue;
    const ids = await idsOf(stores, part, {
      after: rank === fromRank ? fromId : undefined,
      limit: limit - found.length,
    });
    found.push(...ids.map((id) => ({ id, key: [rank, id] })));
    if (found.length >= limit) break;
  }
  return found;
}

/** All parts side by side. */
async function byId({ stores, parts, after, limit }: Step): Promise<Entry[]> {
  const [fromId] = (after ?? []) as [string?];
  const ids = await merged(stores, parts, { after: fromId, limit });
  return ids.map((id) => ({ id, key: [id] }));
}

/** Those that have a next time, and then the others by id. */
async function byNext({ stores, parts, filter, after, limit }: Step): Promise<Entry[]> {
  const [fromTime, fromId] = (after ?? [0, '']) as [number | null, string];
  const timed = fromTime === null ? [] : await timedAfter(stores, filter, { fromTime, fromId, limit });
  if (timed.length >= limit) return timed;
  const ids = await merged(stores, parts, {
    after: fromTime === null ? fromId : undefined,
    limit: limit - timed.length,
    where: { nextAt: null as never },
  });
  return [...timed, ...ids.map((id) => ({ id, key: [null, id] }))];
}

async function timedAfter(
  { scheduleStatus }: Stores,
  { phases, failing }: PartFilter,
  { fromTime, fromId, limit }: { fromTime: number; fromId: string; limit: number },
): Promise<Entry[]> {
  const of: Filter<ScheduleStatus> = {
    ...(phases === undefined ? {} : { phase: { $in: phases.filter((phase) => phase !== 'pending') } }),
    ...whetherFailing(failing === true ? true : undefined),
  };
  const from = new Date(fromTime);
  // Thousands may be due at the same second: each of the two is one stretch of the index.
  const stretches: Filter<ScheduleStatus>[] = [
    { ...of, nextAt: from, _id: { $gt: fromId } },
    { ...of, nextAt: { $gt: from } },
  ];
  const found = await Promise.all(
    stretches.map((filter) =>
      scheduleStatus
        .find(filter)
        .project<Required<Pick<ScheduleStatus, '_id' | 'nextAt'>>>({ _id: 1, nextAt: 1 })
        .sort({ nextAt: 1, _id: 1 })
        .limit(limit)
        .toArray(),
    ),
  );
  return found
    .flat()
    .map(({ _id, nextAt }) => ({ id: _id, key: [nextAt.getTime(), _id] }))
    .slice(0, limit);
}

async function merged(
  stores: Stores,
  parts: readonly (Part | undefined)[],
  options: { after: string | undefined; limit: number; where?: Filter<ScheduleStatus> },
): Promise<string[]> {
  const found = await Promise.all(
    parts.filter((part) => part !== undefined).map((part) => idsOf(stores, part, options)),
  );
  // The platform's ids are ASCII, so that MongoDB's order is ours.
  return [...new Set(found.flat())].sort((one, other) => compareKeys([one], [other])).slice(0, options.limit);
}

/** What passes from one part to another just then is found in both. */
function withoutDoubles(entries: readonly Entry[]): Entry[] {
  const seen = new Set<string>();
  return entries.filter(({ id }) => !seen.has(id) && seen.add(id));
}
