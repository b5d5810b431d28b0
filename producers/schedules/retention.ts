import type { Filter } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import { HAS_ENDED } from '../../infra/mongo/indexed-queries.ts';
import { FINAL_RUN_STATES, type FinalRunState, type Run } from '../../model/runs.ts';

export type Keep = {
  /** Records of runs are kept so long … */
  days: number;
  /** … and at most so many of each kind and schedule, at least `KEPT_ALWAYS`. */
  count: number;
};

/** Of each kind, however old they are: whoever asks what a schedule did last gets an answer. */
export const KEPT_ALWAYS = 10;

const DAY_MS = 24 * 3_600_000;
const BATCH = 1_000;

type Kind = {
  kind: Run['kind'];
  states: readonly FinalRunState[];
  /** Whether they are deleted for their number too. */
  isCounted: boolean;
  /** Whether a time must not pass for one that never ran once its record is gone. */
  isEvidence: boolean;
};

/** Counted apart, so that ticks that were skipped every second do not push out what ran. */
const KINDS: readonly Kind[] = [
  {
    kind: 'tick',
    states: FINAL_RUN_STATES.filter((state) => state !== 'skipped'),
    isCounted: true,
    isEvidence: true,
  },
  { kind: 'tick', states: ['skipped'], isCounted: true, isEvidence: false },
  // A record is what makes the same request the same run: only time makes it superfluous.
  { kind: 'manual', states: FINAL_RUN_STATES, isCounted: false, isEvidence: false },
];

type Stores = Pick<Collections, 'runs' | 'runRetention'>;

/**
 * Deletes records of runs that are too old or too many, schedule by schedule and in batches. Those that are not over stay,
 * and so do the last ten of each kind, even of a schedule that is gone. Resolves with how many it deleted.
 */
export async function deleteOldRuns(
  stores: Stores,
  keep: Keep,
  { nowMs, signal }: { nowMs: number; signal: AbortSignal },
): Promise<number> {
  const cutoff = new Date(nowMs - keep.days * DAY_MS);
  let deleted = 0;
  let scheduleId = await nextSchedule(stores, '');
  while (scheduleId !== undefined && !signal.aborted) {
    for (const kind of KINDS) deleted += await deleteKind(stores, { scheduleId, kind, cutoff, keep, signal });
    scheduleId = await nextSchedule(stores, scheduleId);
  }
  return deleted;
}

/** Schedules that have records, one after the other: each is one step in an index. */
async function nextSchedule({ runs }: Stores, after: string): Promise<string | undefined> {
  const [next] = await runs
    .find({ scheduleId: { $gt: after } })
    .sort({ scheduleId: 1 })
    .limit(1)
    .project<Pick<Run, 'scheduleId'>>({ _id: 0, scheduleId: 1 })
    .toArray();
  return next?.scheduleId;
}

async function deleteKind(
  stores: Stores,
  work: { scheduleId: string; kind: Kind; cutoff: Date; keep: Keep; signal: AbortSignal },
): Promise<number> {
  const { scheduleId, kind, cutoff, keep, signal } = work;
  const all: Filter<Run> = { scheduleId, kind: kind.kind, state: { $in: kind.states }, ...HAS_ENDED };
  const lastOfTen = await nominalAt(stores, all, KEPT_ALWAYS - 1);
  if (lastOfTen === undefined) return 0;
  const count = Math.max(KEPT_ALWAYS, keep.count);
  const lastOfCount = kind.isCounted ? await nominalAt(stores, all, count - 1) : undefined;
  const byRule = lastOfCount === undefined || lastOfCount < cutoff ? cutoff : lastOfCount;
  const before = byRule < lastOfTen ? byRule : lastOfTen;

  const newest = await nominalAt(stores, { ...all, nominal: { $lt: before } }, 0);
  if (newest === undefined) return 0;
  if (kind.isEvidence) await tellOf(stores, scheduleId, newest);
  // None that was not told of: a younger one may have ended since.
  return deleteAll(stores, { ...all, nominal: { $lte: newest } }, signal);
}

/** Of the record at that place, counted from the newest; answered from an index alone. */
async function nominalAt({ runs }: Stores, filter: Filter<Run>, place: number): Promise<Date | undefined> {
  const [run] = await runs
    .find(filter)
    .sort({ nominal: -1 })
    .skip(place)
    .limit(1)
    .project<Pick<Run, 'nominal'>>({ _id: 0, nominal: 1 })
    .toArray();
  return run?.nominal;
}

/** Before the first one goes: a time without a record would pass for one that never ran, and be made up for. */
async function tellOf({ runRetention }: Stores, scheduleId: string, newest: Date): Promise<void> {
  await runRetention.updateOne(
    { _id: scheduleId },
    { $max: { recordsFrom: new Date(newest.getTime() + 1) } },
    { upsert: true },
  );
}

async function deleteAll({ runs }: Stores, old: Filter<Run>, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  while (!signal.aborted) {
    const batch = await runs
      .find(old)
      .sort({ nominal: -1 })
      .limit(BATCH)
      .project<Pick<Run, '_id'>>({ _id: 1 })
      .toArray();
    if (batch.length === 0) break;
    const ids = batch.map(({ _id }) => _id);
    // One that was opened again since is none of them any more.
    deleted += (await runs.deleteMany({ ...old, _id: { $in: ids } })).deletedCount;
    if (batch.length < BATCH) break;
  }
  return deleted;
}
