import { Binary, MongoServerError, type Collection } from 'mongodb';
import { DUPLICATE_KEY } from '../../../infra/mongo/duplicate-key.ts';
import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { IdempotencyDocument } from '../../../infra/mongo/collections.ts';
import { pause } from '../../../infra/pause.ts';
import { AlreadyExists, Conflict } from '../errors.ts';

/** A request with a key. `caller`: keys of different callers are different keys. */
export type KeyedRequest = { caller: string; key: string; what: string; hash: string };

export type IdempotencyOptions = {
  requests: Collection<IdempotencyDocument>;
  newId: () => string;
  log: Logger;
  /** How long a twin waits for the answer of the first. */
  patienceMs?: number;
  /** One that is at it for so long is taken to have died. */
  abandonedMs?: number;
};

const FIRST_LOOK_MS = 25;
const MAX_LOOK_MS = 500;

/** Sees to it that the same key with the same request is done once, and answered alike for a day. */
export class Idempotency {
  readonly #options: Required<IdempotencyOptions>;

  constructor(options: IdempotencyOptions) {
    this.#options = { patienceMs: 10_000, abandonedMs: 120_000, ...options };
  }

  /**
   * Runs `act` for the first of equal requests and gives the others its answer. One that fails is forgotten: it may be tried
   * again with the same key.
   * @throws AlreadyExists where the key was used for another request
   * @throws Conflict where the first is still at it after a while
   * @throws what MongoDB threw: what cannot be remembered is not done
   */
  async once(
    request: KeyedRequest,
    act: () => Promise<{ bytes: Uint8Array }>,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; repeated: boolean }> {
    const attempt = this.#options.newId();
    const earlier = await this.#claim(request, attempt, signal);
    if (earlier !== undefined) return { bytes: earlier, repeated: true };
    try {
      const { bytes } = await act();
      await this.#finish(request, attempt, bytes);
      return { bytes, repeated: false };
    } catch (error) {
      await this.#forget(request, attempt);
      throw error;
    }
  }

  /** Undefined: the request is ours to do. Else the answer that was given to its like. */
  async #claim(request: KeyedRequest, attempt: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const until = performance.now() + this.#options.patienceMs;
    let waitMs = FIRST_LOOK_MS;
    for (;;) {
      const document = await this.#take(request, attempt);
      if (document.hash !== request.hash || document.what !== request.what) throw otherRequest(request);
      if (document.response !== undefined) return document.response.value();
      if (document.attempt === attempt) return undefined;
      signal.throwIfAborted();
      if (performance.now() > until) throw stillAtIt(request);
      await pause(waitMs, signal);
      waitMs = Math.min(waitMs * 2, MAX_LOOK_MS);
    }
  }

  /** Ours if there was none, or if who had it is at it for too long; in one step, so that two never both have it. */
  async #take({ caller, key, what, hash }: KeyedRequest, attempt: string): Promise<IdempotencyDocument> {
    const literal = { what: { $literal: what }, hash: { $literal: hash }, attempt: { $literal: attempt } };
    const isFree = {
      $or: [
        { $eq: [{ $type: '$begunAt' }, 'missing'] },
        {
          $and: [
            { $eq: [{ $type: '$response' }, 'missing'] },
            { $eq: ['$what', literal.what] },
            { $eq: ['$hash', literal.hash] },
            { $lt: ['$begunAt', { $subtract: ['$$NOW', this.#options.abandonedMs] }] },
          ],
        },
      ],
    };
    const keep = (field: string, ours: object | string) => ({ $cond: [isFree, ours, `$${field}`] });
    const update = {
      $set: {
        what: keep('what', literal.what),
        hash: keep('hash', literal.hash),
        attempt: keep('attempt', literal.attempt),
        begunAt: keep('begunAt', '$$NOW'),
        at: keep('at', '$$NOW'),
      },
    };
    const options = { upsert: true, returnDocument: 'after' } as const;
    const take = () => this.#options.requests.findOneAndUpdate({ _id: { caller, key } }, [update], options);
    const document = await take().catch((error: unknown) => {
      // Two upserts at once: the other one's is there now.
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return take();
      throw error;
    });
    if (document === null) throw new Error('An upsert that returns its document returned none');
    return document;
  }

  /** Never rejects: it is done. What is not remembered is done again by the next of its like, which operations stand. */
  async #finish({ caller, key }: KeyedRequest, attempt: string, bytes: Uint8Array): Promise<void> {
    await this.#options.requests
      .updateOne({ _id: { caller, key }, attempt }, { $set: { response: new Binary(bytes) } })
      .catch((error: unknown) => this.#say(error, 'The answer to a request could not be kept for its like'));
  }

  async #forget({ caller, key }: KeyedRequest, attempt: string): Promise<void> {
    await this.#options.requests
      .deleteOne({ _id: { caller, key }, attempt, response: { $exists: false } })
      .catch((error: unknown) => this.#say(error, 'A request that failed could not be forgotten yet'));
  }

  #say(error: unknown, message: string): void {
    this.#options.log.warn({ error: messageOf(error) }, message);
  }
}

const otherRequest = ({ key }: KeyedRequest) =>
  new AlreadyExists(
    'idempotency_key_reused',
    'change.idempotencyKey',
    `The key ${JSON.stringify(key)} came with another request within the last day`,
    'use a new key for a new request, or repeat that one as it was',
  );

const stillAtIt = ({ key }: KeyedRequest) =>
  new Conflict(
    'in_progress',
    'change.idempotencyKey',
    `The first request with the key ${JSON.stringify(key)} is not done yet`,
    'ask again with the same key and the same request',
  );
