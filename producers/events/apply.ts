import { BSON, Int32, MongoServerError, type ClientSession, type Collection } from 'mongodb';
import type { EventOrder, EventOrderDocument } from '../../infra/mongo/collections.ts';
import type { BotDocument } from '../../model/bots.ts';
import { contentOf, sameContent, type EventContent } from './document.ts';
import type { BotEvent } from './parse.ts';

export type EventStore = {
  bots: Collection<BotDocument>;
  eventOrder: Collection<EventOrderDocument>;
  /** Lends a session for transactions; absent on a standalone server, which has none. */
  withSession?: (<T>(work: (session: ClientSession) => Promise<T>) => Promise<T>) | undefined;
};

/** What became of the documents; `unchanged`: they said the same already; `stale`: a newer event was here first. */
export type Applied = 'created' | 'updated' | 'deleted' | 'unchanged' | 'stale';

/**
 * Applies one event, in one transaction where MongoDB has them: the bot's order record decides whether the event is
 * newer than the last (an equal one is applied again, to the same end), then its document follows. Without
 * transactions the same two steps run in this order: after a crash between them the event comes again, is equal, and
 * completes. Resolves only after a majority write.
 * @throws what the driver throws; ask `storageRefusal` whether trying again is of use
 */
export async function applyEvent(store: EventStore, event: BotEvent, order: EventOrder): Promise<Applied> {
  if (store.withSession === undefined) return await steps(store, event, order, undefined);
  return await store.withSession((session) =>
    inTransaction(session, () => steps(store, event, order, session)),
  );
}

async function inTransaction<T>(session: ClientSession, work: () => Promise<T>): Promise<T> {
  try {
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', wtimeoutMS: 10_000 },
    });
    const result = await work();
    await session.commitTransaction();
    return result;
  } catch (error) {
    // The first error counts; what cannot be aborted now ends with the session's next transaction.
    if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
    throw error;
  }
}

async function steps(
  store: EventStore,
  event: BotEvent,
  order: EventOrder,
  session: ClientSession | undefined,
): Promise<Applied> {
  const inSession = session === undefined ? {} : { session };
  if (!(await claimOrder(store.eventOrder, event, order, inSession))) return 'stale';
  if (event.kind === 'deleted') {
    // Many: databases of the reference runtime have no unique index and may hold an id twice.
    const { deletedCount } = await store.bots.deleteMany({ id: event.botId }, inSession);
    return deletedCount > 0 ? 'deleted' : 'unchanged';
  }
  const content = contentOf(event);
  if (event.kind === 'created')
    return (await insertIfAbsent(store, event.botId, content, inSession)) ? 'created' : 'unchanged';
  const stored = await store.bots
    .find({ id: event.botId }, { ...inSession, projection: { _id: 0, config: 1, custom: 1 } })
    .toArray();
  if (stored.length === 0) {
    await insertIfAbsent(store, event.botId, content, inSession);
    return 'created';
  }
  // A write of equal content in another key order would still be a change to all who watch.
  if (stored.every((document) => sameContent(document, content))) return 'unchanged';
  await store.bots.updateMany({ id: event.botId }, { $set: content }, inSession);
  return 'updated';
}

async function insertIfAbsent(
  { bots }: EventStore,
  id: string,
  content: EventContent,
  options: { session?: ClientSession },
): Promise<boolean> {
  // The segment is dead weight that old readers expect to be an int32.
  const fields = { segment_id: new Int32(0) as unknown as number, ...content };
  const { upsertedCount } = await bots.updateOne(
    { id },
    { $setOnInsert: fields },
    { ...options, upsert: true },
  );
  return upsertedCount > 0;
}

/** Puts the event's order on record unless a newer one is; false if so. A delete leaves a tombstone. */
async function claimOrder(
  collection: Collection<EventOrderDocument>,
  event: BotEvent,
  { streamCreatedAt, sequence }: EventOrder,
  options: { session?: ClientSession },
): Promise<boolean> {
  // Absent fields sort before all others, so that a first event is newer by the same rule.
  const sameStream = { $eq: ['$streamCreatedAt', streamCreatedAt] };
  const equal = { $and: [sameStream, { $eq: ['$sequence', sequence] }] };
  const newer = {
    $or: [
      { $lt: ['$streamCreatedAt', streamCreatedAt] },
      { $and: [sameStream, { $lt: ['$sequence', sequence] }] },
    ],
  };
  const current = { $or: [newer, equal] };
  const tombstone =
    event.kind === 'deleted' ? { $cond: [newer, '$$NOW', { $ifNull: ['$deletedAt', '$$NOW'] }] } : '$$REMOVE';
  const record = await collection.findOneAndUpdate(
    { _id: event.botId },
    [
      {
        $set: {
          streamCreatedAt: { $cond: [current, streamCreatedAt, '$streamCreatedAt'] },
          sequence: { $cond: [current, sequence, '$sequence'] },
          deletedAt: { $cond: [current, tombstone, '$deletedAt'] },
        },
      },
    ],
    { ...options, upsert: true, returnDocument: 'after' },
  );
  return (
    record !== null &&
    record.streamCreatedAt.getTime() === streamCreatedAt.getTime() &&
    record.sequence === sequence
  );
}

/** The server's codes for a document that it will not store, however often it is asked. */
const REFUSALS = new Map<number, string>([
  [15, 'it is nested too deep'],
  [52, 'a key starts with "$", which needs MongoDB 5 or later'],
  [57, 'a key holds a dot, which needs MongoDB 5 or later'],
  [121, 'the collection has a validator that it fails'],
  [10334, 'it is too large'],
  [17419, 'it is too large'],
  [17420, 'it is too large'],
]);

/** Largest document that is stored: change streams carry it whole, beside its predecessor, in 16 MB. */
const MAX_DOCUMENT_BYTES = 7 * 1024 * 1024;

/** Why MongoDB will never store this event's document, judging by the error; undefined if it may the next time. */
export function storageRefusal(error: unknown): string | undefined {
  if (error instanceof BSON.BSONError || error instanceof RangeError)
    return 'MongoDB cannot store it: it is no valid BSON';
  const reason = error instanceof MongoServerError ? REFUSALS.get(Number(error.code)) : undefined;
  return reason === undefined ? undefined : `MongoDB cannot store it: ${reason}`;
}

/** Why an event's document is too large to store, or undefined; BSON may take a multiple of the JSON's bytes. */
export function sizeProblem(event: BotEvent): string | undefined {
  if (event.kind === 'deleted') return undefined;
  const bytes = BSON.calculateObjectSize(contentOf(event));
  return bytes > MAX_DOCUMENT_BYTES
    ? `document has ${bytes} bytes; at most ${MAX_DOCUMENT_BYTES} are stored`
    : undefined;
}
