import { randomUUID } from 'node:crypto';
import { MongoServerError, type Collection, type UpdateFilter } from 'mongodb';
import type { BotStatus } from '../model/status.ts';
import { LockLost } from './errors.ts';

/**
 * How long a lock lives without renewal, and how often it is renewed. Short enough that a killed processor's bots are
 * taken over within seconds, long enough that a slow MongoDB answer does not cost the lock.
 */
export const LOCK_TTL_MS = 4_000;
const RENEW_EVERY_MS = 1_200;
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
  readonly #statuses: Collection<BotStatus>;
  readonly #owner: string;
  readonly #monotonicMs: () => number;
  readonly #lost = new AbortController();
  #confirmedAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    statuses: Collection<BotStatus>,
    found: BotStatus,
    owner: string,
    askedAtMs: number,
    monotonicMs: () => number,
  ) {
    this.#statuses = statuses;
    this.botId = found._id;
    this.token = found.token;
    this.found = found;
    this.#owner = owner;
    this.#confirmedAtMs = askedAtMs;
    this.#monotonicMs = monotonicMs;
    this.#timer = setInterval(() => void this.#renew(), RENEW_EVERY_MS);
    this.#timer.unref();
  }

  /** Takes the lock, or returns undefined while another holds it. */
  static async acquire(options: {
    statuses: Collection<BotStatus>;
    botId: string;
    owner: string;
    monotonicMs?: () => number;
  }): Promise<BotLock | undefined> {
    const { statuses, botId, monotonicMs = () => performance.now() } = options;
    // Tells this taking from every other one, by the same process too.
    const owner = `${options.owner}/${randomUUID().slice(0, 8)}`;
    const askedAtMs = monotonicMs();
    try {
      const found = await statuses.findOneAndUpdate({ _id: botId }, takeIfFree(owner), {
        upsert: true,
        returnDocument: 'after',
      });
      return found?.lock?.owner === owner
        ? new BotLock(statuses, found, owner, askedAtMs, monotonicMs)
        : undefined;
    } catch (error) {
      // Two first takings at once: the loser's insert is a duplicate.
      if (error instanceof MongoServerError && error.code === 11000) return undefined;
      throw error;
    }
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
    await this.#write(this.#fields(change ?? { set: {} }, true));
    this.#lost.abort(new LockLost(this.botId));
  }

  /** Deletes the status with the lock: the bot is gone. */
  async releaseAndForget(): Promise<void> {
    this.#stopRenewing();
    this.assertHeld();
    await this.#statuses.deleteOne({ _id: this.botId, 'lock.token': this.token, 'lock.owner': this.#owner });
    this.#lost.abort(new LockLost(this.botId));
  }

  #fields(change: StatusChange, letGo: boolean): UpdateFilter<BotStatus> {
    const unset = Object.fromEntries((change.unset ?? []).map((field) => [field, true as const]));
    return {
      $set: { ...change.set, updatedAt: new Date(), ...(letGo ? { lock: null } : {}) },
      ...(Object.keys(unset).length > 0 ? { $unset: unset as never } : {}),
    };
  }

  async #write(update: UpdateFilter<BotStatus> | object[]): Promise<void> {
    const askedAtMs = this.#monotonicMs();
    const result = await this.#statuses.updateOne(
      { _id: this.botId, 'lock.token': this.token, 'lock.owner': this.#owner },
      update,
    );
    if (result.matchedCount === 0) {
      this.#giveUp();
      throw new LockLost(this.botId);
    }
    // Only a renewal moves `until`; plain writes prove that the lock was ours, not for how long.
    if (Array.isArray(update)) this.#confirmedAtMs = askedAtMs;
  }

  async #renew(): Promise<void> {
    try {
      await this.#write([{ $set: { 'lock.until': { $add: ['$$NOW', LOCK_TTL_MS] } } }]);
    } catch {
      // Away or lost: `assertHeld` decides by the time since the last confirmed renewal.
      if (this.#monotonicMs() - this.#confirmedAtMs > LOCK_TTL_MS * TRUSTED_SHARE) this.#giveUp();
    }
  }

  #giveUp(): void {
    this.#stopRenewing();
    this.#lost.abort(new LockLost(this.botId));
  }

  #stopRenewing(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** An update that takes the lock if it is free, and changes nothing otherwise. */
function takeIfFree(owner: string): object[] {
  const isFree = { $or: [{ $eq: [{ $ifNull: ['$lock', null] }, null] }, { $lt: ['$lock.until', '$$NOW'] }] };
  const ifFree = (taken: unknown, field: string): object => ({ $cond: ['$$free', taken, field] });
  const initially = (field: string, value: unknown): object => ({ $ifNull: [`$${field}`, value] });
  // Seeded by the clock, so that tokens go on rising even after the document was deleted with its bot.
  const nextToken = { $max: [{ $add: [initially('token', 0), 1] }, { $toLong: '$$NOW' }] };
  return [
    {
      $replaceWith: {
        $let: {
          vars: { free: isFree, next: nextToken },
          in: {
            $mergeObjects: [
              '$$ROOT',
              {
                token: ifFree('$$next', '$token'),
                lock: ifFree({ token: '$$next', owner, until: { $add: ['$$NOW', LOCK_TTL_MS] } }, '$lock'),
                phase: initially('phase', 'pending'),
                reason: initially('reason', 'Seen, not started yet.'),
                since: initially('since', '$$NOW'),
                updatedAt: initially('updatedAt', '$$NOW'),
                restarts: initially('restarts', 0),
                consecutiveFailures: initially('consecutiveFailures', 0),
              },
            ],
          },
        },
      },
    },
  ];
}
