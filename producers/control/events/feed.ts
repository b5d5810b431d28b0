import { MongoServerError, type ChangeStream, type Db, type Document } from 'mongodb';
import { closingOnAbort } from '../../../infra/mongo/closing-stream.ts';
import type { HistoryDocument } from '../../../infra/mongo/collections.ts';
import { isPositionLost } from '../../../infra/mongo/position-lost.ts';
import { tokenText } from '../../history/changes.ts';
import { FailedPrecondition, InvalidRequest } from '../errors.ts';

/** What changed: an entry of somebody's story, or that something else of a bot, schedule or run is new. */
export type FeedChange = { token: string } & (
  | { kind: 'entry'; entry: HistoryDocument }
  | { kind: 'changed'; subject: 'bot' | 'schedule' | 'run'; id: string; at: Date }
);

const SUBJECTS: Readonly<Record<string, 'bot' | 'schedule' | 'run'>> = {
  bot_status: 'bot',
  schedule_status: 'schedule',
  runs: 'run',
};
/** What is written by whoever is at work, and shown to nobody. */
const UNSEEN = ['lock', 'token', 'updatedAt', 'claim', 'handledThrough', 'steps', 'line', 'entered'];
const WRITTEN = ['insert', 'replace', 'update', 'delete'];

/** Only whole fields: of a lock's the end moves each second, as `lock.until`. */
const FEED_PIPELINE: Document[] = [
  {
    $match: {
      $or: [
        { 'ns.coll': 'history', operationType: 'insert' },
        { 'ns.coll': { $in: ['holds', 'restarts'] }, operationType: { $in: WRITTEN } },
        {
          'ns.coll': { $in: Object.keys(SUBJECTS) },
          operationType: { $in: WRITTEN },
          $expr: {
            $or: [
              { $ne: ['$operationType', 'update'] },
              {
                $gt: [
                  {
                    $size: {
                      $setDifference: [
                        {
                          $map: {
                            input: { $objectToArray: { $ifNull: ['$updateDescription.updatedFields', {}] } },
                            as: 'field',
                            in: { $arrayElemAt: [{ $split: ['$$field.k', '.'] }, 0] },
                          },
                        },
                        UNSEEN,
                      ],
                    },
                  },
                  0,
                ],
              },
              { $gt: [{ $size: { $ifNull: ['$updateDescription.removedFields', []] } }, 0] },
            ],
          },
        },
      ],
    },
  },
  {
    $project: {
      operationType: 1,
      ns: 1,
      documentKey: 1,
      wallTime: 1,
      fullDocument: { $cond: [{ $eq: ['$ns.coll', 'history'] }, '$fullDocument', null] },
    },
  },
];

const MAX_BATCH = 1_000;
const TOKEN = /^[0-9A-Fa-f]{16,1000}$/;

/**
 * The changes of our database, from a position on, or from now on; after each look, how far it has come. While nothing changes
 * it looks twice a second.
 * @throws InvalidRequest `position_lost`, and what MongoDB threw
 */
export async function* changesOf(
  database: Db,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<{ changes: FeedChange[]; position: string }> {
  const stream: ChangeStream<Document> = database.watch(FEED_PIPELINE, {
    batchSize: MAX_BATCH,
    maxAwaitTimeMS: 500,
    ...(after === undefined ? {} : { startAfter: { _data: after } }),
  });
  using _closing = closingOnAbort(stream, signal);
  try {
    for (;;) {
      const changes: FeedChange[] = [];
      for (let next = await stream.tryNext(); next !== null; next = await stream.tryNext()) {
        const change = changeOf(next);
        if (change !== undefined) changes.push(change);
        if (changes.length >= MAX_BATCH || buffered(stream) === 0) break;
      }
      signal.throwIfAborted();
      yield { changes, position: tokenText(stream.resumeToken) };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (after !== undefined && (isPositionLost(error) || isBadToken(error)))
      throw positionLost('What changed since that position is not known any more');
    throw asTold(error);
  } finally {
    await stream.close().catch(() => undefined);
  }
}

const buffered = (stream: ChangeStream<Document>): number =>
  (stream as unknown as { cursor?: { bufferedCount(): number } }).cursor?.bufferedCount() ?? 0;

function changeOf(raw: Document): FeedChange | undefined {
  const { ns, documentKey, fullDocument, wallTime, _id } = raw as {
    _id: unknown;
    ns?: { coll?: string };
    documentKey?: { _id?: unknown };
    fullDocument?: HistoryDocument | null;
    wallTime?: Date;
  };
  const token = tokenText(_id);
  const collection = ns?.coll ?? '';
  if (collection === 'history')
    return fullDocument === null || fullDocument === undefined
      ? undefined
      : { token, kind: 'entry', entry: fullDocument };
  if (documentKey === undefined) return undefined;
  // Holds are of bots and schedules, and ids do not tell which: whoever is read as neither is nobody.
  const subject = SUBJECTS[collection] ?? 'bot';
  return { token, kind: 'changed', subject, id: String(documentKey._id), at: wallTime ?? new Date() };
}

const ONLY_REPLICA_SETS = 40573;

/** What a change stream threw: of a standalone server, that it has none. */
export const asTold = (error: unknown): unknown =>
  error instanceof MongoServerError && error.code === ONLY_REPLICA_SETS ? noStreams() : error;

const noStreams = (): FailedPrecondition =>
  new FailedPrecondition(
    'no_change_streams',
    '',
    'MongoDB is a standalone server, which tells nobody of changes',
    'list again now and then, or make MongoDB a replica set, of one member at least',
  );

/** Tokens that were made up, or come from elsewhere. */
const isBadToken = (error: unknown): boolean =>
  error instanceof Error && /resume ?token|KeyString|_data/i.test(error.message);

/** @throws InvalidRequest for what no stream has given */
export function checkPosition(position: string): void {
  if (!TOKEN.test(position)) throw positionLost('It is no position of this stream');
}

export const positionLost = (problem: string): InvalidRequest =>
  new InvalidRequest(
    'after',
    problem,
    'list anew what you show, and begin without a position',
    'position_lost',
  );
