import {
  MongoServerError,
  type Collection,
  type CreateIndexesOptions,
  type Document,
  type IndexSpecification,
} from 'mongodb';
import { DUPLICATE_KEY } from './duplicate-key.ts';
import type { Collections } from './collections.ts';
import { INDEXED_QUERIES } from './indexed-queries.ts';

/** Something about an index that a person should mend; the product works without. */
export type IndexProblem = { collection: string; index: string; reason: string; doubledIds?: string[] };

/** Name of the index that stands in for the unique one while ids are doubled. */
const FALLBACK_NAME = 'id_not_unique';
const MAX_DOUBLED_SHOWN = 20;
const OPTIONS_CONFLICT = [85, 86];

/**
 * Creates what is missing; safe to repeat and to run in several processes at once. What an old database holds against
 * an index (doubled ids, an index of other options) is returned, not thrown; an absent MongoDB is thrown.
 */
export async function ensureIndexes(collections: Collections): Promise<IndexProblem[]> {
  const problems: IndexProblem[] = [];
  for (const { collection: name, index } of INDEXED_QUERIES) {
    if (index === undefined) continue;
    const collection = collections[name] as unknown as Collection;
    const problem =
      index.options?.unique === true
        ? await ensureUnique(collection, index.key)
        : await ensurePlain(collection, index.key, index.options);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

async function ensurePlain(
  collection: Collection,
  key: IndexSpecification,
  options?: CreateIndexesOptions,
): Promise<IndexProblem | undefined> {
  try {
    await collection.createIndex(key, options);
    return undefined;
  } catch (error) {
    if (!isServerError(error, OPTIONS_CONFLICT)) throw error;
    return describe(collection, key, `an index with other options is in its place: ${error.message}`);
  }
}

async function ensureUnique(
  collection: Collection,
  key: Record<string, 1 | -1>,
): Promise<IndexProblem | undefined> {
  try {
    await collection.createIndex(key, { unique: true });
    await dropFallback(collection);
    return undefined;
  } catch (error) {
    if (isServerError(error, [DUPLICATE_KEY])) return await fallBack(collection, key);
    if (!isServerError(error, OPTIONS_CONFLICT)) throw error;
  }
  const existing = await indexesOn(collection, key);
  if (existing.some((index) => index['unique'] === true)) return undefined;
  const doubledIds = await findDoubled(collection, key);
  if (doubledIds.length > 0) return doubled(collection, key, doubledIds);
  if (!existing.some((index) => index['name'] === FALLBACK_NAME))
    return describe(
      collection,
      key,
      'an index that is not unique is in its place: drop it, and the next start creates ours',
    );
  // Old servers keep one index per key: the doubled ids are mended, so ours makes way for the unique one.
  await dropFallback(collection);
  return await ensureUnique(collection, key);
}

async function fallBack(collection: Collection, key: Record<string, 1 | -1>): Promise<IndexProblem> {
  const doubledIds = await findDoubled(collection, key);
  await ensurePlain(collection, key, { name: FALLBACK_NAME });
  return doubled(collection, key, doubledIds);
}

async function dropFallback(collection: Collection): Promise<void> {
  const indexes = await collection.indexes();
  if (indexes.some((index) => index.name === FALLBACK_NAME)) await collection.dropIndex(FALLBACK_NAME);
}

async function indexesOn(collection: Collection, key: Record<string, 1 | -1>): Promise<Document[]> {
  const indexes = await collection.indexes();
  return indexes.filter((index) => JSON.stringify(index.key) === JSON.stringify(key));
}

async function findDoubled(collection: Collection, key: Record<string, 1 | -1>): Promise<string[]> {
  const field = Object.keys(key)[0] ?? 'id';
  const groups = await collection
    .aggregate<{ _id: unknown }>(
      [
        { $group: { _id: `$${field}`, count: { $sum: 1 } } },
        { $match: { count: { $gt: 1 } } },
        { $limit: MAX_DOUBLED_SHOWN },
      ],
      { allowDiskUse: true },
    )
    .toArray();
  return groups.map((group) => String(group._id)).sort();
}

function doubled(collection: Collection, key: IndexSpecification, ids: string[]): IndexProblem {
  return {
    ...describe(
      collection,
      key,
      `these ids are in more than one document: ${ids.join(', ')}. Delete all but one of each`,
    ),
    doubledIds: ids,
  };
}

function describe(collection: Collection, key: IndexSpecification, reason: string): IndexProblem {
  return { collection: collection.namespace, index: JSON.stringify(key), reason };
}

function isServerError(error: unknown, codes: readonly number[]): error is MongoServerError {
  return error instanceof MongoServerError && codes.includes(Number(error.code));
}
