import type { ChangeStream, Collection, Document } from 'mongodb';
import { closingOnAbort } from '../../../infra/mongo/closing-stream.ts';
import type { RowStores } from './rows.ts';

export type FleetWatchOptions = {
  stores: RowStores;
  /** Of a document of `bots`: its id by MongoDB's key, which is all that some changes tell. */
  idOf: (key: string) => string | undefined;
  /** A bot of which something changed; undefined: it may be any. */
  onChange: (id: string | undefined) => void;
  /** It sees no more changes. */
  onEnd: () => void;
};

type Change = {
  operationType: string;
  documentKey?: { _id: unknown };
  fullDocument?: { id?: unknown };
};

/**
 * Hears which bots' documents, statuses and holds change, so that lists need not read all of them again. Nothing is stored and
 * nothing resumed: whoever has lost it reads everything once.
 */
export class FleetWatch {
  readonly #options: FleetWatchOptions;
  readonly #streams: ChangeStream<Document>[] = [];
  readonly #end = new AbortController();

  private constructor(options: FleetWatchOptions) {
    this.#options = options;
  }

  /** Resolves once no change is missed any more. Rejects where MongoDB has no change streams, or is away. */
  static async open(options: FleetWatchOptions): Promise<FleetWatch> {
    const watch = new FleetWatch(options);
    const { bots, status, holds } = options.stores;
    try {
      await Promise.all([
        watch.#follow(bots as unknown as Collection<Document>, ({ documentKey, fullDocument }) => {
          const id = fullDocument?.id;
          return typeof id === 'string' ? id : options.idOf(String(documentKey?._id));
        }),
        watch.#follow(status as unknown as Collection<Document>, byKey),
        watch.#follow(holds as unknown as Collection<Document>, byKey),
      ]);
      return watch;
    } catch (error) {
      await watch.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#streams.map((stream) => stream.close().catch(() => undefined)));
  }

  async #follow(
    collection: Collection<Document>,
    idOf: (change: Change) => string | undefined,
  ): Promise<void> {
    const stream = collection.watch(
      [{ $project: { operationType: 1, documentKey: 1, 'fullDocument.id': 1 } }],
      { batchSize: 1_000, maxAwaitTimeMS: 500 },
    );
    this.#streams.push(stream);
    // The first look opens the cursor on the server.
    const first = await stream.tryNext();
    if (first !== null) this.#tell(first, idOf);
    void this.#listen(stream, idOf);
  }

  async #listen(stream: ChangeStream<Document>, idOf: (change: Change) => string | undefined): Promise<void> {
    using _closing = closingOnAbort(stream, this.#end.signal);
    try {
      while (!this.#end.signal.aborted) this.#tell(await stream.next(), idOf);
    } catch {
      // Away, invalidated or closed: in each case somebody reads everything anew.
    }
    if (this.#end.signal.aborted) return;
    await this.close();
    this.#options.onEnd();
  }

  #tell(change: Change, idOf: (change: Change) => string | undefined): void {
    if (!this.#end.signal.aborted)
      this.#options.onChange(change.documentKey === undefined ? undefined : idOf(change));
  }
}

const byKey = ({ documentKey }: Change): string => String(documentKey?._id);
