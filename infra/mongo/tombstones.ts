import type { Collections } from './collections.ts';

/**
 * What became of an id. `deleted`: a tombstone says so, and there is no document. `unknown`: neither of them is there, which
 * says nothing: the database may be the wrong one, or have been restored from long ago.
 */
export type Fate = { kind: 'lives' } | { kind: 'deleted'; at: Date } | { kind: 'unknown' };

/** Where bots and schedules, and the events that deleted them, are on record. */
export type FateStores = Pick<Collections, 'bots' | 'schedules' | 'eventOrder' | 'scheduleEventOrder'>;

const BATCH = 1_000;

/** What became of each of these bots and schedules: the one place that decides what may be deleted for good. */
export async function fatesOf(stores: FateStores, ids: readonly string[]): Promise<Map<string, Fate>> {
  const all = [...new Set(ids)];
  const fates = new Map<string, Fate>(all.map((id) => [id, { kind: 'unknown' }]));
  for (let from = 0; from < all.length; from += BATCH) {
    const batch = all.slice(from, from + BATCH);
    // Tombstones first, documents after: what is made anew in between is found to live.
    for (const { _id, deletedAt } of await tombstones(stores, batch))
      if (deletedAt !== undefined) fates.set(_id, later(fates.get(_id), deletedAt));
    for (const id of await documents(stores, batch)) fates.set(id, { kind: 'lives' });
  }
  return fates;
}

/** Tombstones older than `before`, in batches. Whether the bot lives again is not looked at: `fatesOf` does. */
export async function* deletedBefore(
  stores: FateStores,
  before: Date,
): AsyncGenerator<{ id: string; at: Date }[]> {
  for (const collection of [stores.eventOrder, stores.scheduleEventOrder]) {
    const cursor = collection
      .find({ deletedAt: { $lte: before } })
      .project<{ _id: string; deletedAt: Date }>({ deletedAt: 1 })
      .batchSize(BATCH);
    let batch: { id: string; at: Date }[] = [];
    for await (const { _id: id, deletedAt: at } of cursor) {
      if (batch.push({ id, at }) < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

/**
 * Writes tombstones for ids that have neither document nor tombstone, as if they had been deleted at `at`: leftovers of an
 * earlier installation that a person looked through. An event that makes such a bot again is newer and wins.
 */
export async function writeTombstones(
  { eventOrder }: FateStores,
  ids: readonly string[],
  at: Date,
): Promise<void> {
  if (ids.length === 0) return;
  await eventOrder.bulkWrite(
    ids.map((id) => ({
      updateOne: {
        filter: { _id: id },
        update: {
          $set: { deletedAt: at },
          $setOnInsert: { streamCreatedAt: new Date(0), sequence: 0 },
        },
        upsert: true,
      },
    })),
    { ordered: false, writeConcern: { w: 'majority' } },
  );
}

async function tombstones(
  { eventOrder, scheduleEventOrder }: FateStores,
  ids: readonly string[],
): Promise<{ _id: string; deletedAt?: Date }[]> {
  const found = await Promise.all(
    [eventOrder, scheduleEventOrder].map((collection) =>
      collection
        .find({ _id: { $in: [...ids] } })
        .project<{ _id: string; deletedAt?: Date }>({ deletedAt: 1 })
        .toArray(),
    ),
  );
  return found.flat();
}

async function documents({ bots, schedules }: FateStores, ids: readonly string[]): Promise<string[]> {
  const filter = { id: { $in: [...ids] } };
  const [someBots, someSchedules] = await Promise.all([
    bots.find(filter).project<{ id: string }>({ _id: 0, id: 1 }).toArray(),
    schedules.find(filter).project<{ id: string }>({ _id: 0, id: 1 }).toArray(),
  ]);
  return [...someBots, ...someSchedules].map(({ id }) => id);
}

/** An id may have been a bot's and then a schedule's: its end is that of the last of them. */
function later(known: Fate | undefined, at: Date): Fate {
  return known?.kind === 'deleted' && known.at > at ? known : { kind: 'deleted', at };
}
