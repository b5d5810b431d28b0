import type { Collection, OptionalId } from 'mongodb';
import type { EventOrder, PoisonEvent } from '../../infra/mongo/collections.ts';

/** How much of a message is kept: enough to see what is wrong with it. */
export const MAX_KEPT_BYTES = 64 * 1024;

/** Keeps a message that cannot be understood, once however often it is delivered. Resolves after a majority write. */
export async function keepPoison(
  collection: Collection<PoisonEvent>,
  message: { subject: string; payload: Uint8Array; reason: string },
  order: EventOrder,
  at: Date,
): Promise<void> {
  const kept: Omit<OptionalId<PoisonEvent>, '_id' | 'streamCreatedAt' | 'sequence'> = {
    subject: message.subject,
    reason: message.reason,
    payload: Buffer.from(message.payload.subarray(0, MAX_KEPT_BYTES)).toString('utf8'),
    payloadBytes: message.payload.length,
    at,
  };
  await collection.updateOne({ ...order }, { $setOnInsert: kept }, { upsert: true });
}
