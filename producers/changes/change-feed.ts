import type { ChangeStream, ChangeStreamDocument, Collection, Document } from 'mongodb';
import type { Logger } from '../../infra/logger.ts';
import { OutageLog } from '../../infra/logger.ts';
import { closingOnAbort } from '../../infra/mongo/closing-stream.ts';
import type { ResumeTokenDocument } from '../../infra/mongo/collections.ts';
import { isPositionLost } from '../../infra/mongo/position-lost.ts';
import { pause } from '../../infra/pause.ts';

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
/** Position writes are bundled: at most one each so often, always after the work they stand for. */
const SAVE_EVERY_MS = 250;
/** While nothing happens the position still moves on, so that a quiet week does not outlive the server's history. */
const SAVE_WHEN_QUIET_MS = 5_000;
const MAX_BATCH = 1_000;

/** Of bots or schedules, whichever the feed is about. */
export type Changed = { kind: 'some'; ids: string[] } | { kind: 'everything'; why: string };

/** One collection to watch: which bot or schedule a document is about. */
export type Source = {
  name: string;
  collection: Collection<Document>;
  /** The field of the document that is the id. */
  idField: 'id' | '_id';
  /** Updates that touch only these fields are no change: our own writes, which must not wake whoever made them. */
  ignoring?: readonly string[];
};

/**
 * Follows a collection by its change stream and hands on the ids of what changed, in batches. The position is stored after
 * `onChange` has resolved, so that a crash repeats work and never loses it. Whenever the position is lost (history gone,
 * collection dropped or renamed, restored database) everything counts as changed. After a failure it goes on from its
 * position, and whoever reads it is told, so that nobody has to trust that alone.
 */
export class ChangeFeed {
  readonly #source: Source;
  readonly #tokens: Collection<ResumeTokenDocument>;
  readonly #onChange: (changed: Changed) => Promise<void>;
  readonly #onRecovered: () => void;
  readonly #log: Logger;
  readonly #outage: OutageLog;
  /** `_id` → id, since a deletion tells only the former. A cache: what it lacks leads to a full resync. */
  readonly #idByKey = new Map<string, string>();
  #savedAtMs = 0;
  #handling = false;

  constructor(options: {
    source: Source;
    tokens: Collection<ResumeTokenDocument>;
    onChange: (changed: Changed) => Promise<void>;
    /** Follows again, from its position, after it had failed. */
    onRecovered: () => void;
    log: Logger;
  }) {
    this.#source = options.source;
    this.#tokens = options.tokens;
    this.#onChange = options.onChange;
    this.#onRecovered = options.onRecovered;
    this.#log = options.log;
    this.#outage = new OutageLog(options.log, `The change stream of ${options.source.name}`);
  }

  /** Runs until `signal` aborts; survives outages and fail-overs. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#follow(signal, ({ fromPosition }) => {
          if (failures > 0 && fromPosition) this.#onRecovered();
          failures = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (isPositionLost(error)) {
          this.#log.warn(
            { source: this.#source.name, error: (error as Error).message },
            'The change stream lost its position',
          );
          await this.#forgetPosition();
          continue;
        }
        this.#outage.failed(error);
        failures += 1;
        await pause(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 8)), signal);
      }
    }
  }

  async #follow(signal: AbortSignal, onAlive: (how: { fromPosition: boolean }) => void): Promise<void> {
    // Until the first batch is dealt with, no position may be stored.
    this.#handling = true;
    const stored = await this.#tokens.findOne({ _id: this.#source.name });
    const stream = this.#open(stored?.token);
    using _closing = closingOnAbort(stream, signal);
    const quiet = setInterval(() => void this.#saveWhenQuiet(stream), SAVE_WHEN_QUIET_MS);
    quiet.unref();
    try {
      // The first look opens the cursor on the server: from here on nothing is missed, and only then is the fleet read.
      const first = await stream.tryNext();
      await this.#learnIds();
      if (stored === null)
        await this.#onChange({ kind: 'everything', why: `the change stream of ${this.#source.name} begins` });
      this.#outage.recovered();
      onAlive({ fromPosition: stored !== null });
      if (first === null) this.#handling = false;
      else await this.#handle([first], stream);
      while (!signal.aborted) {
        const batch = [await stream.next()];
        this.#handling = true;
        while (batch.length < MAX_BATCH) {
          const more = await this.#buffered(stream);
          if (more === null) break;
          batch.push(more);
        }
        await this.#handle(batch, stream);
      }
    } finally {
      clearInterval(quiet);
      await stream.close().catch(() => undefined);
    }
  }

  #open(token: unknown): ChangeStream<Document> {
    return this.#source.collection.watch(
      [
        ...(this.#source.ignoring === undefined ? [] : [{ $match: exceptUpdatesOf(this.#source.ignoring) }]),
        {
          $project: { operationType: 1, documentKey: 1, ns: 1, [`fullDocument.${this.#source.idField}`]: 1 },
        },
      ],
      {
        fullDocument: this.#source.idField === 'id' ? 'updateLookup' : 'default',
        batchSize: MAX_BATCH,
        maxAwaitTimeMS: 500,
        ...(token === undefined ? {} : { startAfter: token }),
      },
    );
  }

  /** What the last answer of the server still holds, without asking it again. */
  async #buffered(stream: ChangeStream<Document>): Promise<ChangeStreamDocument<Document> | null> {
    const cursor = (stream as unknown as { cursor?: { bufferedCount(): number } }).cursor;
    if (cursor === undefined || cursor.bufferedCount() === 0) return null;
    return stream.next();
  }

  async #handle(
    batch: readonly ChangeStreamDocument<Document>[],
    stream: ChangeStream<Document>,
  ): Promise<void> {
    const ids = new Set<string>();
    let unknownDeleted = false;
    for (const change of batch) {
      if (
        change.operationType === 'invalidate' ||
        change.operationType === 'drop' ||
        change.operationType === 'rename' ||
        change.operationType === 'dropDatabase'
      ) {
        await this.#onChange({ kind: 'everything', why: `${this.#source.name}: ${change.operationType}` });
        await this.#savePosition(stream.resumeToken, true);
        continue;
      }
      const id = this.#idOf(change);
      if (id !== undefined) ids.add(id);
      // A document that is written without an id is nobody's; one that is deleted may have been anybody's.
      else if (change.operationType === 'delete') unknownDeleted = true;
    }
    if (unknownDeleted) {
      await this.#onChange({
        kind: 'everything',
        why: `an unknown document of ${this.#source.name} was deleted`,
      });
      await this.#learnIds();
    }
    if (ids.size > 0) await this.#onChange({ kind: 'some', ids: [...ids] });
    await this.#savePosition(stream.resumeToken, false);
    this.#handling = false;
  }

  async #saveWhenQuiet(stream: ChangeStream<Document>): Promise<void> {
    if (this.#handling || stream.closed || stream.resumeToken === undefined) return;
    try {
      await this.#savePosition(stream.resumeToken, true);
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  #idOf(change: ChangeStreamDocument<Document>): string | undefined {
    const { documentKey, fullDocument } = change as {
      documentKey?: { _id: unknown };
      fullDocument?: Document;
    };
    const key = String(documentKey?._id);
    if (this.#source.idField === '_id') return key;
    const id: unknown = fullDocument?.['id'];
    if (typeof id === 'string') {
      this.#idByKey.set(key, id);
      return id;
    }
    const known = this.#idByKey.get(key);
    if (change.operationType === 'delete') this.#idByKey.delete(key);
    return known;
  }

  async #learnIds(): Promise<void> {
    if (this.#source.idField === '_id') return;
    this.#idByKey.clear();
    const cursor = this.#source.collection.find({}, { projection: { id: 1 }, batchSize: 10_000 });
    for await (const document of cursor) {
      const id: unknown = document['id'];
      if (typeof id === 'string') this.#idByKey.set(String(document._id), id);
    }
  }

  async #savePosition(token: unknown, now: boolean): Promise<void> {
    if (!now && performance.now() - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#savedAtMs = performance.now();
    await this.#tokens.updateOne(
      { _id: this.#source.name },
      { $set: { token, at: new Date() } },
      { upsert: true },
    );
  }

  async #forgetPosition(): Promise<void> {
    try {
      await this.#tokens.deleteOne({ _id: this.#source.name });
    } catch (error) {
      this.#outage.failed(error);
    }
  }
}

/** All events but updates by which nothing outside these top-level fields was set or removed. */
function exceptUpdatesOf(fields: readonly string[]): Document {
  const allOf = (names: unknown): Document => ({ $setIsSubset: [names, { $literal: [...fields] }] });
  const setFields = { $objectToArray: { $ifNull: ['$updateDescription.updatedFields', {}] } };
  return {
    $expr: {
      $not: {
        $and: [
          { $eq: ['$operationType', 'update'] },
          allOf({ $map: { input: setFields, as: 'field', in: '$$field.k' } }),
          allOf({ $ifNull: ['$updateDescription.removedFields', []] }),
          { $eq: [{ $ifNull: ['$updateDescription.truncatedArrays', []] }, []] },
        ],
      },
    },
  };
}
