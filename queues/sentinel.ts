import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { queuePrefix } from './queues.ts';

/** Checked twice within the two seconds in which the loss of Redis' data is to be noticed. */
const CHECK_EVERY_MS = 900;
const WHOLE = 'whole';
/** Why everything is looked at then, in the words of the log. */
export const REDIS_DATA_LOST = 'the data of Redis is new or was lost';
const REPLACE_IF_UNCHANGED = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end`;

/**
 * Notices that Redis lost its data (emptied, restored, replaced): a key of ours is looked for about once a second, and
 * when it is missing `onLost` rebuilds the queues. It says `whole` only after that worked, and only if the data was not
 * lost once more meanwhile: a rebuild that failed or was in vain is done again.
 */
export class DataLossSentinel {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #onLost: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #checking: Promise<void> = Promise.resolve();

  /** `of`: whose queues are rebuilt. Each who rebuilds has a key of its own, so that none speaks for another. */
  constructor(options: { redis: Redis; installation: string; of?: string; onLost: () => Promise<void> }) {
    const { of } = options;
    this.#redis = options.redis;
    this.#key = `${queuePrefix(options.installation)}:sentinel${of === undefined ? '' : `:${of}`}`;
    this.#onLost = options.onLost;
  }

  start(): void {
    this.#stopped = false;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#checking;
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#checking = this.#check().finally(() => this.#arm());
    }, CHECK_EVERY_MS);
    this.#timer.unref();
  }

  async #check(): Promise<void> {
    try {
      if ((await this.#redis.get(this.#key)) === WHOLE) return;
      const rebuilding = `rebuilding ${randomUUID()}`;
      await this.#redis.set(this.#key, rebuilding);
      await this.#onLost();
      await this.#redis.eval(REPLACE_IF_UNCHANGED, 1, this.#key, rebuilding, WHOLE);
    } catch {
      // Redis is away, or the rebuild failed: the key does not say `whole` at the next check, and the connection's own
      // error handler has said so.
    }
  }
}
