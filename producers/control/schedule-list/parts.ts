import type { Filter } from 'mongodb';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { SCHEDULE_PHASES, type ScheduleStatus } from '../../../model/schedule-status.ts';
import type { ViewPhase } from './view.ts';

export type Stores = Pick<Collections, 'schedules' | 'scheduleStatus'>;

/**
 * What the list of schedules consists of, trouble first: each part is one stretch of an index, in order of id. `failing`: only
 * those whose last runs failed, or only the others; undefined: both.
 */
export type Part = { phase: ViewPhase; failing?: boolean };

export const PARTS: readonly Part[] = [
  { phase: 'invalid' },
  { phase: 'active', failing: true },
  { phase: 'gone' },
  { phase: 'pending' },
  { phase: 'active', failing: false },
  { phase: 'paused' },
  { phase: 'disabled' },
];

export type PartFilter = { phases?: readonly ViewPhase[]; failing?: boolean };

/** The parts that a filter leaves; undefined stands in the place of the others, so that each keeps its rank. */
export function partsOf({ phases, failing = false }: PartFilter): (Part | undefined)[] {
  return PARTS.map((part) => {
    if (phases !== undefined && !phases.includes(part.phase)) return undefined;
    if (!failing) return part;
    // Nobody has looked at a pending one, so nothing of it has failed.
    return part.failing === false || part.phase === 'pending' ? undefined : { ...part, failing: true };
  });
}

/** Ids of a part after one of them, in order. */
export async function idsOf(
  stores: Stores,
  part: Part,
  { after, limit, where = {} }: { after: string | undefined; limit: number; where?: Filter<ScheduleStatus> },
): Promise<string[]> {
  if (part.phase === 'pending') return pendingIds(stores, after, limit);
  const found = await stores.scheduleStatus
    .find({
      phase: part.phase,
      ...whetherFailing(part.failing),
      ...(after === undefined ? {} : { _id: { $gt: after } }),
      ...where,
    })
    .project<Pick<ScheduleStatus, '_id'>>({ _id: 1 })
    .sort({ _id: 1 })
    .limit(limit)
    .toArray();
  return found.map(({ _id }) => _id);
}

export function whetherFailing(failing: boolean | undefined): Filter<ScheduleStatus> {
  if (failing === undefined) return {};
  return { failuresInRow: failing ? { $gt: 0 } : { $not: { $gt: 0 } } };
}

const WALK = 5_000;

/** Documents that have no status: ids alone are read, from an index. */
async function pendingIds(
  { schedules, scheduleStatus }: Stores,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const found: string[] = [];
  let from = after ?? '';
  while (found.length < limit) {
    const documents = await schedules
      .find({ id: { $gt: from } })
      .project<{ id: string }>({ _id: 0, id: 1 })
      .sort({ id: 1 })
      .limit(WALK)
      .toArray();
    const ids = documents.map(({ id }) => id);
    const last = ids.at(-1);
    if (last === undefined) break;
    const statuses = await scheduleStatus
      .find({ _id: { $gt: from, $lte: last } }, { projection: { _id: 1 } })
      .toArray();
    const seen = new Set(statuses.map(({ _id }) => _id));
    found.push(...ids.filter((id) => !seen.has(id)));
    if (ids.length < WALK) break;
    from = last;
  }
  return found.slice(0, limit);
}

/** How many schedules are in each part of the whole list: `PARTS` in order, and of each how many fail. */
export type PartCount = Part & { count: number; failingCount: number };

/** Counted in indexes. Pending are as many as there are more documents than statuses, but for those of what is gone. */
export async function countParts({ schedules, scheduleStatus }: Stores): Promise<PartCount[]> {
  const count = (filter: Filter<ScheduleStatus>): Promise<number> => scheduleStatus.countDocuments(filter);
  const [documents, ...known] = await Promise.all([
    schedules.countDocuments({ id: { $gt: '' } }),
    ...SCHEDULE_PHASES.map(async (phase) => {
      const [all, failing] = await Promise.all([count({ phase }), count({ phase, ...whetherFailing(true) })]);
      return { phase, all, failing };
    }),
  ]);
  const seen = known.reduce((sum, { phase, all }) => (phase === 'gone' ? sum : sum + all), 0);
  return PARTS.map((part) => {
    const { all = Math.max(0, documents - seen), failing = 0 } =
      known.find(({ phase }) => phase === part.phase) ?? {};
    if (part.failing === undefined) return { ...part, count: all, failingCount: failing };
    return part.failing
      ? { ...part, count: failing, failingCount: failing }
      : { ...part, count: all - failing, failingCount: 0 };
  });
}
