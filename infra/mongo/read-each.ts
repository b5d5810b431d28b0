import type { Collection, Document, Filter, WithId } from 'mongodb';

/** The documents of these ids, in the order of the ids; undefined: there is none. */
export async function readEach<T extends Document & { _id: string }>(
  collection: Collection<T>,
  ids: readonly string[],
): Promise<(WithId<T> | undefined)[]> {
  const found = await collection.find({ _id: { $in: [...new Set(ids)] } } as Filter<T>).toArray();
  const byId = new Map(found.map((document) => [document._id as string, document]));
  return ids.map((id) => byId.get(id));
}
