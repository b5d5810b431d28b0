import type { Filter } from 'mongodb';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { HAS_ENDED } from '../../../infra/mongo/indexed-queries.ts';
import { isFinal, type Run, type RunState } from '../../../model/runs.ts';
import {
  LIST_PROJECTION,
  runDetails,
  runView,
  type ListedRun,
  type RunDetails,
  type RunView,
} from './view.ts';

/** Of one schedule or of all; nominal times from `from` on and before `to`. */
export type RunFilter = { scheduleId?: string; states?: readonly RunState[]; from?: Date; to?: Date };
export type RunQuery = RunFilter & { limit: number };

/** Where a list goes on: at the run that comes after this one. */
export type RunPlace = { nominal: Date; id: string };

type Runs = Collections['runs'];

/** The newest runs by nominal time. */
export async function readRuns(runs: Runs, { limit, ...filter }: RunQuery): Promise<RunView[]> {
  return (await newestRuns(runs, filter, { limit })).map(runView);
}

/** The newest first; of those of the same time, the last by id. */
export async function newestRuns(
  runs: Runs,
  filter: RunFilter,
  { after, limit }: { after?: RunPlace | undefined; limit: number },
): Promise<ListedRun[]> {
  const found = await Promise.all(
    filtersOf(filter)
      .flatMap((each) => from(each, after))
      .map((each) => newest(runs, each, limit)),
  );
  return found.flat().sort(byPlace).slice(0, limit);
}

/** One for each index: runs that are over are found by their states, the others are few. */
function filtersOf({ scheduleId, states, from: least, to: before }: RunFilter): Filter<Run>[] {
  const span = {
    ...(least === undefined ? {} : { $gte: least }),
    ...(before === undefined ? {} : { $lt: before }),
  };
  const of: Filter<Run> = {
    ...(scheduleId === undefined ? {} : { scheduleId }),
    ...(least === undefined && before === undefined ? {} : { nominal: span }),
  };
  if (states === undefined) return [of];
  const over = states.filter(isFinal);
  const open = states.filter((state) => !isFinal(state));
  const kinds: Filter<Run> = scheduleId === undefined ? {} : { kind: { $in: ['tick', 'manual'] } };
  return [
    ...(over.length === 0 ? [] : [{ ...of, ...kinds, state: { $in: over }, ...HAS_ENDED }]),
    ...(open.length === 0 ? [] : [{ ...of, open: true as const, state: { $in: open } }]),
  ];
}

/**
 * The rest of those at the same nominal time, and all before it: thousands of schedules may have a run at the same second, and
 * each of the two is one stretch of the index.
 */
function from(filter: Filter<Run>, after: RunPlace | undefined): Filter<Run>[] {
  if (after === undefined) return [filter];
  return [
    { $and: [filter, { nominal: after.nominal, _id: { $lt: after.id } }] },
    { $and: [filter, { nominal: { $lt: after.nominal } }] },
  ];
}

function newest(runs: Runs, filter: Filter<Run>, limit: number): Promise<ListedRun[]> {
  return runs
    .find(filter)
    .project<ListedRun>(LIST_PROJECTION)
    .sort({ nominal: -1, _id: -1 })
    .limit(limit)
    .toArray();
}

const byPlace = (one: ListedRun, other: ListedRun): number =>
  other.nominal.getTime() - one.nominal.getTime() || (one._id < other._id ? 1 : -1);

export async function readRun(runs: Runs, id: string): Promise<RunDetails | undefined> {
  const run = await runs.findOne({ _id: id });
  return run === null ? undefined : runDetails(run);
}
