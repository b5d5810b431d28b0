import type { ChangeStream, Collection, Db, Document, Timestamp } from 'mongodb';
import { closingOnAbort } from '../../../infra/mongo/closing-stream.ts';
import { pause } from '../../../infra/pause.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import { Exhausted } from '../errors.ts';
import { WaitingReaders } from '../waiting-readers.ts';
import { asTold, changesOf, type FeedChange } from './feed.ts';
import { itemsOf, type StreamItem, type SubjectStores } from './subjects.ts';

export type EventHubOptions = {
  /** Our own. */
  database: Db;
  stores: SubjectStores;
  operator: ScheduleOperator;
  /** How long changes gather, so that a bot that changes often is told of once. */
  gatherMs?: number;
  mostItems?: number;
};

/** From its beginning on nothing is missed: `position` is that of the feed, `from` the number of the next item. */
export type EventSeat = Disposable & { hub: Opened; from: number; position: string };

const GATHER_MS = 200;
/** For a reader to be some seconds late. */
const MOST_ITEMS = 10_000;

/** All that changes, for all who follow it: one change stream, one read of each bot, one copy of each item. Open while somebody follows. */
export class EventHub {
  readonly #options: EventHubOptions;
  #opened: Opened | undefined;

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** @throws what MongoDB threw: it is away, or has no change streams */
  async enter(): Promise<EventSeat> {
    const hub = (this.#opened ??= new Opened(this.#options, (ended) => {
      if (this.#opened === ended) this.#opened = undefined;
    }));
    hub.readers += 1;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      hub.readers -= 1;
      if (hub.readers === 0) hub.close(new Error('Nobody follows what happens any more'));
    };
    try {
      await hub.begun;
    } catch (error) {
      leave();
      throw error;
    }
    return { hub, from: hub.end, position: hub.position, [Symbol.dispose]: leave };
  }
}

export class Opened {
  readers = 0;
  /** Resolves once nothing is missed any more. */
  readonly begun: Promise<void>;
  readonly #options: EventHubOptions;
  readonly #ended = new AbortController();
  readonly #waiting = new WaitingReaders();
  #items: StreamItem[] = [];
  #first = 0;
  #position = '';
  /** Of documents of the platform's, which are in other databases: what is new of them has no place among the positions. */
  #elsewhere: FeedChange[] = [];
  readonly #onEnd: (ended: Opened) => void;

  constructor(options: EventHubOptions, onEnd: (ended: Opened) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.begun.catch(() => undefined);
    void this.#run(() => begun.resolve()).catch((error: Error) => {
      begun.reject(error);
      this.close(error);
    });
  }

  get end(): number {
    return this.#first + this.#items.length;
  }

  get position(): string {
    return this.#position;
  }

  /** Items from a number on, once there are some; none, if there are none for a while. @throws Exhausted, and why it ended */
  async next(from: number, signal: AbortSignal, withinMs: number): Promise<readonly StreamItem[]> {
    if (from >= this.end && !this.#ended.signal.aborted) await this.#waiting.wait(signal, withinMs);
    signal.throwIfAborted();
    this.#ended.signal.throwIfAborted();
    if (from < this.#first) throw tooSlow();
    return this.#items.slice(from - this.#first);
  }

  close(reason: Error): void {
    this.#ended.abort(reason);
    this.#onEnd(this);
    this.#waiting.wake();
  }

  async #run(onBegun: () => void): Promise<void> {
    const { database, stores } = this.#options;
    // A stream that opens a moment later than the others misses nothing of that moment.
    const { operationTime } = (await database.command({ ping: 1 })) as { operationTime?: Timestamp };
    await Promise.all([
      this.#follow(onBegun),
      this.#documents(stores.bots as unknown as Collection<Document>, 'bot', operationTime),
      this.#documents(stores.schedules as unknown as Collection<Document>, 'schedule', operationTime),
    ]);
  }

  async #follow(onBegun: () => void): Promise<void> {
    const { database, stores, operator, gatherMs = GATHER_MS, mostItems = MOST_ITEMS } = this.#options;
    const { signal } = this.#ended;
    for await (const { changes, position } of changesOf(database, undefined, signal)) {
      const due = [...this.#elsewhere, ...changes];
      this.#elsewhere = [];
      const before = this.#position === '' ? position : this.#position;
      this.#items.push(...(await itemsOf(stores, operator, due, { before, after: position })));
      this.#position = position;
      onBegun();
      while (this.#items.length > mostItems) {
        this.#items.shift();
        this.#first += 1;
      }
      if (due.length === 0) continue;
      this.#waiting.wake();
      await pause(gatherMs, signal);
    }
  }

  async #documents(
    collection: Collection<Document>,
    subject: 'bot' | 'schedule',
    since: Timestamp | undefined,
  ): Promise<void> {
    const { signal } = this.#ended;
    const stream: ChangeStream<Document> = collection.watch(
      [
        { $match: { operationType: { $in: ['insert', 'update', 'replace'] } } },
        { $project: { 'fullDocument.id': 1 } },
      ],
      {
        fullDocument: 'updateLookup',
        maxAwaitTimeMS: 500,
        ...(since === undefined ? {} : { startAtOperationTime: since }),
      },
    );
    using _closing = closingOnAbort(stream, signal);
    try {
      for (;;) {
        const change = (await stream.tryNext()) as { fullDocument?: { id?: unknown } } | null;
        if (signal.aborted) return;
        const id = change?.fullDocument?.id;
        if (typeof id === 'string')
          this.#elsewhere.push({ token: '', kind: 'changed', subject, id, at: new Date() });
      }
    } catch (error) {
      if (!signal.aborted) throw asTold(error);
    } finally {
      await stream.close().catch(() => undefined);
    }
  }
}

const tooSlow = (): Exhausted =>
  new Exhausted(
    'reader_too_slow',
    '',
    'More has happened than is kept for a reader who is so late',
    'go on after the last position that you have; nothing is lost',
  );
