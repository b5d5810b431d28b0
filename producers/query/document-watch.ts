import type { Collection } from 'mongodb';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { closingOnAbort } from '../../infra/mongo/closing-stream.ts';
import { pause } from '../../infra/pause.ts';

const REOPEN_MS = 1_000;
/** Besides the stream, which may miss what happened while it was away. */
const LOOK_EVERY_MS = { live: 1_000, away: 100 } as const;

/** Waits for changes of one document. */
export type Followed = Disposable & {
  /** Resolves when it changed since the last call (or, at the first, since it is followed), or is to be looked at anyway. */
  changed(signal: AbortSignal): Promise<void>;
};

/** Wakes whoever waits for a document of a collection, by one change stream for all of them. */
export class DocumentWatch<Document extends { _id: string }> {
  readonly #collection: Collection<Document>;
  readonly #outage: OutageLog;
  readonly #followers = new Map<string, Set<() => void>>();
  #live = false;

  constructor(options: { collection: Collection<Document>; log: Logger }) {
    this.#collection = options.collection;
    this.#outage = new OutageLog(options.log, `The change stream of ${options.collection.collectionName}`);
  }

  /** Until the signal aborts. Where there is no change stream (a lone server has none), those who wait look more often. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (!signal.aborted) this.#outage.failed(error);
      } finally {
        this.#live = false;
      }
      await pause(REOPEN_MS, signal);
    }
  }

  follow(id: string): Followed {
    let changed = false;
    let wake = (): void => undefined;
    const onChange = (): void => {
      changed = true;
      wake();
    };
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers.add(onChange));
    return {
      changed: async (signal) => {
        if (!changed) {
          const enough = new AbortController();
          wake = () => enough.abort();
          await pause(
            this.#live ? LOOK_EVERY_MS.live : LOOK_EVERY_MS.away,
            AbortSignal.any([signal, enough.signal]),
          );
        }
        changed = false;
      },
      [Symbol.dispose]: () => {
        followers.delete(onChange);
        if (followers.size === 0 && this.#followers.get(id) === followers) this.#followers.delete(id);
      },
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const stream = this.#collection.watch([{ $project: { operationType: 1, documentKey: 1 } }], {
      maxAwaitTimeMS: 500,
    });
    using _closing = closingOnAbort(stream, signal);
    try {
      await stream.tryNext();
      this.#live = true;
      this.#outage.recovered();
      // What happened before is for each who waits to look for.
      for (const followers of this.#followers.values()) for (const follower of followers) follower();
      for await (const change of stream) {
        const id = 'documentKey' in change ? String(change.documentKey._id) : undefined;
        if (id !== undefined) for (const follower of this.#followers.get(id) ?? []) follower();
      }
    } finally {
      await stream.close().catch(() => undefined);
    }
  }
}
