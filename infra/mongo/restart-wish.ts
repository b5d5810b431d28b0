import { MongoServerError, type Collection, type Document } from 'mongodb';
import { DUPLICATE_KEY } from './duplicate-key.ts';
import type { RestartDocument } from './collections.ts';

/**
 * Puts on record that somebody wants a bot restarted, or tried again. With `rollout`, once for each: a roll-out that goes on
 * after a crash does not know whether it had come so far. Gives the newest wish.
 */
export async function wishRestart(
  restarts: Collection<RestartDocument>,
  botId: string,
  wish: { who: string; why: string; rollout?: string },
): Promise<RestartDocument> {
  const update = [{ $replaceWith: raised(wish) }];
  const ask = (): Promise<RestartDocument | null> =>
    restarts.findOneAndUpdate({ _id: botId }, update, { upsert: true, returnDocument: 'after' });
  // Of two first wishes at once one may meet the other's document: the second time it is there to be raised.
  const found = await ask().catch((error: unknown) => {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return ask();
    throw error;
  });
  if (found === null) throw new Error(`The wish for a restart of ${botId} was not written`);
  return found;
}

function raised({ who, why, rollout }: { who: string; why: string; rollout?: string }): Document {
  const next = {
    _id: '$_id',
    // Seeded by the clock: goes on rising after this document was deleted, or an older database restored.
    count: { $max: [{ $add: [{ $ifNull: ['$count', 0] }, 1] }, { $toLong: '$$NOW' }] },
    who: { $literal: who },
    why: { $literal: why },
    at: '$$NOW',
    ...(rollout === undefined ? {} : { rollout: { $literal: rollout } }),
  };
  return rollout === undefined
    ? next
    : { $cond: [{ $eq: [{ $ifNull: ['$rollout', null] }, { $literal: rollout }] }, '$$ROOT', next] };
}
