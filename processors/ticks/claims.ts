import type { Collection } from 'mongodb';
import type { ScheduleStatus } from '../../model/schedule-status.ts';

/**
 * How long a claim holds off other handlers. A batch takes a fraction of it; after a crash, or for whoever was stopped
 * meanwhile, it lapses.
 */
export const CLAIM_MS = 5_000;

/** A status of which ticks are due, in our hands. */
export type ClaimedStatus = Pick<ScheduleStatus, '_id' | 'line' | 'timing' | 'handledThrough'> & {
  nextAt: Date;
  /** An earlier claim was never given back: its holder may have got as far as making records. */
  unfinished: boolean;
};

export type Claims = {
  /** How many were due and free when asked; the claim of some may have gone to another handler. */
  due: number;
  statuses: ClaimedStatus[];
  /** MongoDB's time when they were claimed, epoch milliseconds; undefined where nothing was. */
  atMs: number | undefined;
};

type Statuses = Collection<ScheduleStatus>;

/** Claims up to `limit` schedules of which something is due, longest due first. */
export async function claimDue(
  statuses: Statuses,
  { owner, nowMs, limit }: { owner: string; nowMs: number; limit: number },
): Promise<Claims> {
  const now = new Date(nowMs);
  const due = await statuses
    .find({
      nextAt: { $lte: now },
      $or: [{ claim: null }, { 'claim.until': { $lte: now } }],
      'stuck.until': { $not: { $gt: now } },
    })
    .sort({ nextAt: 1 })
    .limit(limit)
    .project<Pick<ScheduleStatus, '_id' | 'claim'>>({ claim: 1 })
    .toArray();
  if (due.length === 0) return { due: 0, statuses: [], atMs: undefined };

  const ids = due.map(({ _id }) => _id);
  const isFree = { $lte: [{ $ifNull: ['$claim.until', new Date(0)] }, '$$NOW'] };
  await statuses.updateMany({ _id: { $in: ids }, nextAt: { $lte: now }, $expr: isFree }, [
    { $set: { claim: { owner: { $literal: owner }, until: { $add: ['$$NOW', CLAIM_MS] } } } },
  ]);
  const claimed = await statuses
    .find({ _id: { $in: ids }, 'claim.owner': owner })
    .project<Omit<ClaimedStatus, 'unfinished'> & { claim: { until: Date } }>({
      line: 1,
      timing: 1,
      handledThrough: 1,
      nextAt: 1,
      'claim.until': 1,
    })
    .toArray();
  const unfinished = new Set(due.filter(({ claim }) => claim != null).map(({ _id }) => _id));
  const until = claimed[0]?.claim.until;
  return {
    due: due.length,
    statuses: claimed.map(({ claim: _, ...status }) => ({
      ...status,
      unfinished: unfinished.has(status._id),
    })),
    atMs: until === undefined ? undefined : until.getTime() - CLAIM_MS,
  };
}

/** After a failure: they are free at once, and known to be unfinished. Best effort: claims lapse. */
export async function abandon(statuses: Statuses, owner: string, ids: readonly string[]): Promise<void> {
  await statuses
    .updateMany(
      { _id: { $in: [...ids] }, 'claim.owner': owner },
      { $set: { claim: { owner: '', until: new Date(0) } } },
    )
    .catch(() => undefined);
}
