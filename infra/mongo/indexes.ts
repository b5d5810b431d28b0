import {
  MongoServerError,
  type Collection,
  type CreateIndexesOptions,
  type Document,
  type IndexSpecification,
} from 'mongodb';
import type { Collections } from './collections.ts';

/** A query the product makes, and the index that serves it. `index` is absent where `_id` does. */
export type IndexedQuery = {
  collection: keyof Collections;
  /** What asks it. */
  purpose: string;
  /** An example, for `explain`. */
  filter: Document;
  sort?: Record<string, 1 | -1>;
  index?: { key: Record<string, 1 | -1>; options?: CreateIndexesOptions };
};

const DAY_SECONDS = 24 * 60 * 60;
/** Longer than any stream keeps events (7 days), so that no replay outlives the tombstone that refuses it. */
const TOMBSTONE_DAYS = 30;
const POISON_DAYS = 90;

/**
 * Every query but the full read of a resync, which is meant to read all. A test explains each one: none may scan.
 * Whoever adds a query adds its line.
 */
export const INDEXED_QUERIES: readonly IndexedQuery[] = [
  {
    collection: 'bots',
    purpose: 'one bot',
    filter: { id: 'x' },
    index: { key: { id: 1 }, options: { unique: true } },
  },
  { collection: 'bots', purpose: 'some bots', filter: { id: { $in: ['x', 'y'] } } },
  { collection: 'eventOrder', purpose: 'newest event of a bot', filter: { _id: 'x' } },
  {
    collection: 'eventOrder',
    purpose: 'expiry of tombstones',
    filter: { deletedAt: { $lt: new Date(0) } },
    index: { key: { deletedAt: 1 }, options: { expireAfterSeconds: TOMBSTONE_DAYS * DAY_SECONDS } },
  },
  { collection: 'eventSessions', purpose: 'sessions of a consumer', filter: { _id: 'x' } },
  {
    collection: 'poison',
    purpose: 'the newest poison events, and their expiry',
    filter: {},
    sort: { at: -1 },
    index: { key: { at: 1 }, options: { expireAfterSeconds: POISON_DAYS * DAY_SECONDS } },
  },
  {
    collection: 'poison',
    purpose: 'whether a message was kept already',
    filter: { streamCreatedAt: new Date(0), sequence: 1 },
    index: { key: { streamCreatedAt: 1, sequence: 1 } },
  },
  { collection: 'status', purpose: 'one status', filter: { _id: 'x' } },
  { collection: 'status', purpose: 'histories of some bots', filter: { _id: { $in: ['x', 'y'] } } },
  {
    collection: 'status',
    purpose: 'the lock’s holder writes',
    filter: { _id: 'x', 'lock.token': 1, 'lock.owner': 'y' },
  },
  { collection: 'leases', purpose: 'one lease', filter: { _id: 'x', owner: 'y', term: 1 } },
  { collection: 'resumeTokens', purpose: 'one token', filter: { _id: 'x' } },
  { collection: 'installation', purpose: 'one fact', filter: { _id: 'engine' } },
  { collection: 'holds', purpose: 'one hold', filter: { _id: 'x' } },
  { collection: 'holds', purpose: 'holds of some bots', filter: { _id: { $in: ['x', 'y'] } } },
  { collection: 'codeVolumes', purpose: 'one volume', filter: { _id: 'x' } },
  {
    collection: 'codeVolumes',
    purpose: 'volumes of a bucket key',
    filter: { keys: 'a/b/1.0.0' },
    index: { key: { keys: 1 } },
  },
  {
    collection: 'codeVolumes',
    purpose: 'volumes long unused',
    filter: { lastUsedAt: { $lt: new Date(0) } },
    index: { key: { lastUsedAt: 1 } },
  },
];

/** Something about an index that a person should mend; the product works without. */
export type IndexProblem = { collection: string; index: string; reason: string; doubledIds?: string[] };

/** Name of the index that stands in for the unique one while ids are doubled. */
const FALLBACK_NAME = 'id_not_unique';
const MAX_DOUBLED_SHOWN = 20;
const DUPLICATE_KEY = 11000;
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
