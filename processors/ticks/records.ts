import { MongoBulkWriteError, type Collection } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { Run } from '../../model/runs.ts';
import type { ExistingRun, ScheduleLedger } from './ledger.ts';

/** Makes the records. Resolves with the ids of those that were there already. */
export async function insertRecords(runs: Collection<Run>, records: readonly Run[]): Promise<string[]> {
  if (records.length === 0) return [];
  try {
    await runs.insertMany([...records], { ordered: false });
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failed = [error.writeErrors].flat();
    // Not only doubles: whether the others are there for good is not known, so all is done again later.
    if (error.result.getWriteConcernError() !== undefined) throw error;
    if (failed.length === 0 || failed.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return failed.flatMap(({ index }) => records[index]?._id ?? []);
  }
}

export async function readRecords(
  runs: Collection<Run>,
  ids: readonly string[],
): Promise<Map<string, ExistingRun>> {
  if (ids.length === 0) return new Map();
  const found = await runs
    .find({ _id: { $in: [...ids] } })
    .project<ExistingRun>({ open: 1, cause: 1, due: 1 })
    .toArray();
  return new Map(found.map((run) => [run._id, run]));
}

/** Asks for the end of the runs that make room. Whoever was asked before keeps the first reason. */
export async function cancelReplaced(
  runs: Collection<Run>,
  ledgers: readonly ScheduleLedger[],
  nowMs: number,
): Promise<void> {
  const at = new Date(nowMs);
  const updates = ledgers.flatMap(({ cancels }) =>
    cancels.map(({ runIds, why }) => ({
      updateMany: {
        filter: { _id: { $in: runIds }, open: true as const, cancel: { $exists: false } },
        update: { $set: { cancel: { who: 'the0', why, at }, updatedAt: at } },
      },
    })),
  );
  if (updates.length > 0) await runs.bulkWrite(updates, { ordered: true });
}
