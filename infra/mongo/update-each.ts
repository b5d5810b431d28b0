import { MongoBulkWriteError, type Collection, type Document, type Filter, type UpdateFilter } from 'mongodb';

export type OneUpdate<T> = {
  filter: Filter<T>;
  update: UpdateFilter<T> | Document[];
  /** Default: false. */
  upsert?: boolean;
};

/** Why MongoDB did not make one of them; `code` is its own. */
export type UpdateFailure = { code: number; why: string; cause: Error };

export type UpdatedEach = {
  /** How many found their document. Which ones, the answer does not tell. */
  matched: number;
  /** By index. */
  failures: ReadonlyMap<number, UpdateFailure>;
};

/**
 * Makes many updates of single documents by one command, in whatever order; each is judged by itself. Throws what concerns
 * all of them, a majority that did not confirm among it.
 */
export async function updateEach<T extends Document>(
  collection: Collection<T>,
  updates: readonly OneUpdate<T>[],
): Promise<UpdatedEach> {
  try {
    const { matchedCount } = await collection.bulkWrite(
      updates.map(({ filter, update, upsert = false }) => ({
        updateOne: { filter, update, upsert },
      })),
      { ordered: false },
    );
    return { matched: matchedCount, failures: new Map() };
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined)
      throw error;
    const failures = [error.writeErrors]
      .flat()
      .map(({ index, code, errmsg }): [number, UpdateFailure] => [
        index,
        { code, why: errmsg ?? `error ${code}`, cause: error },
      ]);
    return { matched: error.matchedCount, failures: new Map(failures) };
  }
}
