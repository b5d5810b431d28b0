import type { ClientSession, Collection } from 'mongodb';
import { currentTraceparent } from '../tracing/tracing.ts';
import type { WishTraceDocument } from './collections.ts';

/** A wish that nobody has acted on for so long is not what made the next thing happen. */
const FRESH_MS = 300_000;

/**
 * Leaves word that what is being worked in is about to change, or has just changed, what is wanted of a bot or schedule: change
 * streams carry no context, and the documents of others are not ours to write into. Does nothing while nothing is traced.
 */
export async function noteWish(
  traces: Collection<WishTraceDocument>,
  id: string,
  options: { session?: ClientSession } = {},
): Promise<void> {
  const traceparent = currentTraceparent();
  if (traceparent === undefined) return;
  await traces.updateOne({ _id: id }, [{ $set: { traceparent, at: '$$NOW' } }], { ...options, upsert: true });
}

/** What led to the changes that a planner acts on. Each is told once: what happens to the bot after it has other causes. */
export class WishTraces {
  readonly #traces: Collection<WishTraceDocument>;
  readonly #now: () => number;
  /** Told already, until they are too old to be told. */
  readonly #told = new Map<string, { traceparent: string; atMs: number }>();

  constructor(traces: Collection<WishTraceDocument>, now: () => number) {
    this.#traces = traces;
    this.#now = now;
  }

  /** Traceparents by id, of those that have one. */
  async of(ids: readonly string[]): Promise<Map<string, string>> {
    const fresh = new Date(this.#now() - FRESH_MS);
    this.#forget(fresh.getTime());
    if (ids.length === 0) return new Map();
    const found = await this.#traces.find({ _id: { $in: [...ids] }, at: { $gt: fresh } }).toArray();
    return new Map(
      found
        .filter(({ _id, traceparent }) => this.#told.get(_id)?.traceparent !== traceparent)
        .map(({ _id, traceparent }) => [_id, traceparent]),
    );
  }

  /** These led to something now. */
  told(wishes: ReadonlyMap<string, string>): void {
    const atMs = this.#now();
    for (const [id, traceparent] of wishes) {
      // At the end again, so that the oldest are at the beginning.
      this.#told.delete(id);
      this.#told.set(id, { traceparent, atMs });
    }
  }

  #forget(beforeMs: number): void {
    for (const [id, { atMs }] of this.#told) {
      if (atMs >= beforeMs) return;
      this.#told.delete(id);
    }
  }
}
