import { randomUUID } from 'node:crypto';
import type { Collection, UpdateFilter } from 'mongodb';
import type { BotStatus } from '../model/status.ts';
import { LockLost } from './errors.ts';
import { LockStore, type Holder, type StatusUpdate } from './lock-store.ts';

/**
 * How long a lock lives without renewal, and how often it is renewed. Short enough that a killed processor's bots are
 * taken over within seconds, long enough that a slow MongoDB answer does not cost the lock.
 */
export const LOCK_TTL_MS = 4_000;
const RENEW_EVERY_MS = 1_000;
/** Of the TTL, what we trust without a confirmed renewal: the rest covers the way of a call to the engine. */
const TRUSTED_SHARE = 0.75;

type StatusFields = Partial<Omit<BotStatus, '_id' | 'lock' | 'token'>>;
export type StatusChange = { set: StatusFields; unset?: readonly (keyof StatusFields)[] };

/**
 * The per-bot lock. It lives in the bot's status document, so that taking it reads the history, and the status is
 * written only by whoever holds it: every write is filtered by the token. Times are MongoDB's ($$NOW), so hosts' clocks
 * do not matter; our own trust in it is measured by the monotonic clock, so that a process that was stopped for a
 * minute knows at once that it holds nothing any more.
 */
export class BotLock {
  readonly botId: string;
  readonly token: number;
  /** The status as it was found, before this holder wrote anything. */
  readonly found: BotStatus;
  readonly #store: LockStore;
  readonly #owner: string;
  readonly #monotonicMs: () => number;
  readonly #lost = new AbortController();
  #confirmedAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    store: LockStore,
    found: BotStatus,
    owner: string,
    askedAtMs: number,
    monotonicMs: () => number,
  ) {
    this.#store = store;
    this.botId = found._id;
    this.token = found.token;
    this.found = found;
    this.#owner = owner;
    this.#confirmedAtMs = askedAtMs;
    this.#monotonicMs = monotonicMs;
    this.#armRenewal();
  }

  /** Takes the lock, or returns undefined while another holds it. */
  static async acquire(options: {
    statuses: Collection<BotStatus>;
    botId: string;
    owner: string;
    monotonicMs?: () => number;
  }): Promise<BotLock | undefined> {
    const { botId, monotonicMs = () => performance.now() } = options;
    const store = storeOf(options.statuses);
    // Tells this taking from every other one, by the same process too.
    const owner = `${options.owner}/${randomUUID().slice(0, 8)}`;
    const askedAtMs = monotonicMs();
    const found = await store.take({ botId, owner, ttlMs: LOCK_TTL_MS });
    return found === undefined ? undefined : new BotLock(store, found, owner, askedAtMs, monotonicMs);
  }

  /** Aborts when the lock is known to be lost: long steps listen. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws unless the lock is ours beyond doubt: called right before each call to the engine. */
  assertHeld(): void {
    if (
      this.#lost.signal.aborted ||
      this.#monotonicMs() - this.#confirmedAtMs > LOCK_TTL_MS * TRUSTED_SHARE
    ) {
      this.#giveUp();
      throw new LockLost(this.botId);
    }
  }

  /** Confirms with MongoDB that the lock is ours, renewing it. */
  async confirm(): Promise<void> {
    this.assertHeld();
    await this.#write([{ $set: { 'lock.until': { $add: ['$$NOW', LOCK_TTL_MS] } } }]);
  }

  /** Writes status fields, only while the lock is ours. */
  async update(change: StatusChange): Promise<void> {
    this.assertHeld();
    await this.#write(this.#fields(change, false));
  }

  /** Writes the last status fields and lets go, in one write. Throws `LockLost` if there was nothing to let go any more. */
  async release(change?: StatusChange): Promise<void> {
    this.#stopRenewing();
    if (this.#lost.signal.aborted) throw new LockLost(this.botId);
    await this.#write(this.#fields(change ?? { set: {} }, true), true);
    this.#lost.abort(new LockLost(this.botId));
  }

  /** Deletes the status with the lock: the bot is gone. */
  async releaseAndForget(): Promise<void> {
    this.#stopRenewing();
    this.assertHeld();
    await this.#store.remove(this.#holder());
    this.#lost.abort(new LockLost(this.botId));
  }

  #fields(change: StatusChange, letGo: boolean): UpdateFilter<BotStatus> {
    const unset = Object.fromEntries((change.unset ?? []).map((field) => [field, true as const]));
    return {
      $set: { ...change.set, updatedAt: new Date(), ...(letGo ? { lock: null } : {}) },
      ...(Object.keys(unset).length > 0 ? { $unset: unset as never } : {}),
    };
  }

  async #write(update: StatusUpdate, letsGo = false): Promise<void> {
    const askedAtMs = this.#monotonicMs();
    if (!(await this.#store.write(this.#holder(), update, letsGo))) {
      this.#giveUp();
      throw new LockLost(this.botId);
    }
    // Only a renewal moves `until`; plain writes prove that the lock was ours, not for how long.
    if (Array.isArray(update)) this.#confirmedAtMs = askedAtMs;
  }

  /**
   * All locks of a process renew at the same moments, the multiples of the period, and so in one write together: the
   * first time half a period after the taking at the earliest, then each period, which leaves two tries within our trust.
   */
  #armRenewal(): void {
    const toNext = RENEW_EVERY_MS - (performance.now() % RENEW_EVERY_MS);
    this.#timer = setTimeout(
      () => {
        this.#armRenewal();
        void this.#renew();
      },
      toNext < RENEW_EVERY_MS / 2 ? toNext + RENEW_EVERY_MS : toNext,
    );
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    try {
      await this.#write([{ $set: { 'lock.until': { $add: ['$$NOW', LOCK_TTL_MS] } } }]);
    } catch {
      // Away or lost: `assertHeld` decides by the time since the last confirmed renewal.
      if (this.#monotonicMs() - this.#confirmedAtMs > LOCK_TTL_MS * TRUSTED_SHARE) this.#giveUp();
    }
  }

  #holder(): Holder {
    return { botId: this.botId, token: this.token, owner: this.#owner };
  }

  #giveUp(): void {
    this.#stopRenewing();
    this.#lost.abort(new LockLost(this.botId));
  }

  #stopRenewing(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** One for each collection, so that all locks of a process share its groups. */
const stores = new WeakMap<Collection<BotStatus>, LockStore>();

function storeOf(statuses: Collection<BotStatus>): LockStore {
  const store = stores.get(statuses) ?? new LockStore(statuses);
  stores.set(statuses, store);
  return store;
}
