import type { Collection, Document, Filter, WithId } from 'mongodb';
import { DUPLICATE_KEY } from './duplicate-key.ts';
import { readEach } from './read-each.ts';
import { updateEach, type OneUpdate, type UpdateFailure } from './update-each.ts';

/** `owner`: unique to this taking. `update`: makes the document its own where that is free, and changes nothing otherwise. */
export type OneTaking<T> = { id: string; owner: string; update: OneUpdate<T>['update'] };

/** `document`: as it was taken; neither: another has it. */
export type TakenEach<T> = { document?: WithId<T>; failure?: UpdateFailure };

/** Takes many documents, each for its own owner, by two commands; in the order of the takings. */
export async function takeEach<T extends Document & { _id: string }>(
  collection: Collection<T>,
  takings: readonly OneTaking<T>[],
  ownerOf: (document: WithId<T>) => string | undefined,
): Promise<TakenEach<T>[]> {
  const { failures } = await updateEach(
    collection,
    takings.map(({ id, update }) => ({ filter: { _id: id } as Filter<T>, update, upsert: true })),
  );
  // Written by the majority, and read from it: whoever finds its own name there has it.
  const found = await readEach(
    collection,
    takings.map(({ id }) => id),
  );
  return takings.map(({ owner }, index) => {
    const failure = failures.get(index);
    // Two first takings at once: the loser's insert is a duplicate, and it simply does not have it.
    if (failure !== undefined && failure.code !== DUPLICATE_KEY) return { failure };
    const document = found[index];
    return document !== undefined && ownerOf(document) === owner ? { document } : {};
  });
}
