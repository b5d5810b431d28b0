import {
  BSON,
  Int32,
  MongoError,
  MongoServerError,
  MongoWriteConcernError,
  type ClientSession,
  type Collection,
} from 'mongodb';
import type {
  EventOrder,
  EventOrderDocument,
  HistoryDocument,
  WishTraceDocument,
} from '../../infra/mongo/collections.ts';
import { noteWish } from '../../infra/mongo/wish-traces.ts';
import type { BotDocument } from '../../model/bots.ts';
import { deployedEntry, type DeployedEntry } from './deployed.ts';
import { contentOf, sameContent, type EventContent } from './document.ts';
import type { BotEvent, ParsedEvent } from './parse.ts';

export type EventStore = {
  documents: Collection<BotDocument>;
  eventOrder: Collection<EventOrderDocument>;
  wishTraces: Collection<WishTraceDocument>;
  /** Absent where nobody keeps stories: on a standalone server. */
  history?: Collection<HistoryDocument> | undefined;
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
  const applied = await write(store, event, order, inSession);
  if (applied !== 'unchanged') await noteWish(store.wishTraces, event.botId, inSession);
  return applied;
}

async function write(
  store: EventStore,
  event: BotEvent,
  order: EventOrder,
  inSession: { session?: ClientSession },
): Promise<Exclude<Applied, 'stale'>> {
  if (event.kind === 'deleted') {
    // Many: databases of the reference runtime have no unique index and may hold an id twice.
    const { deletedCount } = await store.documents.deleteMany({ id: event.botId }, inSession);
    return deletedCount > 0 ? 'deleted' : 'unchanged';
  }
  const content = contentOf(event);
  if (event.kind === 'created')
    return (await insertIfAbsent(store, event.botId, content, inSession)) ? 'created' : 'unchanged';
  const stored = await store.documents
    .find({ id: event.botId }, { ...inSession, projection: { _id: 0, config: 1, custom: 1 } })
    .toArray();
  if (stored.length === 0) {
    await insertIfAbsent(store, event.botId, content, inSession);
    return 'created';
  }
  // A write of equal content in another key order would still be a change to all who watch.
  if (stored.every((document) => sameContent(document, content))) return 'unchanged';
  await store.documents.updateMany({ id: event.botId }, { $set: content }, inSession);
  const entry = deployedEntry(event.botId, stored[0] ?? content, content, order);
  if (entry !== undefined && store.history !== undefined) await tell(store.history, entry, inSession);
  return 'updated';
}

/** Its time is the database's; told again, it is there already. */
async function tell(
  history: Collection<HistoryDocument>,
  { _id, ...entry }: DeployedEntry,
  options: { session?: ClientSession },
): Promise<void> {
  const told = { $mergeObjects: [{ $literal: entry }, { at: '$$NOW' }, '$$ROOT'] };
  await history.updateOne({ _id }, [{ $replaceWith: told }], { ...options, upsert: true });
}

async function insertIfAbsent(
  { documents }: EventStore,
  id: string,
  content: EventContent,
  options: { session?: ClientSession },
): Promise<boolean> {
  // The segment is dead weight that old readers expect to be an int32.
  const fields = { segment_id: new Int32(0) as unknown as number, ...content };
  const { upsertedCount } = await documents.updateOne(
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

/** Errors that speak of the server or of us, not of the event: no access, no space, shutting down. */
const NOT_THE_EVENTS_FAULT = new Set([
  8, 11, 13, 18, 50, 91, 189, 202, 262, 11600, 11602, 13435, 14031, 50915,
]);

/**
 * Whether an error that comes again and again may lie in the event itself: the server was reached, answered, and gave
 * no sign that another attempt would end otherwise. Only a suspicion: a conflict passes for one, until it stays.
 */
export function mayBeTheEventsFault(error: unknown): boolean {
  if (!(error instanceof MongoError)) return error instanceof Error;
  if (!(error instanceof MongoServerError)) return false;
  if (error instanceof MongoWriteConcernError || NOT_THE_EVENTS_FAULT.has(Number(error.code))) return false;
  const isConflict = error.code === 112;
  return !isConflict && !error.hasErrorLabel('RetryableWriteError');
}

/** From here on a BSON document could be too large: smaller messages need not be measured. */
const MEASURED_FROM_BYTES = 256 * 1024;

/** An event whose document is too large to store is poison; BSON may take a multiple of the message's `bytes`. */
export function measured(parsed: ParsedEvent, bytes: number): ParsedEvent {
  if ('poison' in parsed || parsed.event.kind === 'deleted' || bytes < MEASURED_FROM_BYTES) return parsed;
  const stored = BSON.calculateObjectSize(contentOf(parsed.event));
  return stored > MAX_DOCUMENT_BYTES
    ? { poison: `document has ${stored} bytes; at most ${MAX_DOCUMENT_BYTES} are stored` }
    : parsed;
}
