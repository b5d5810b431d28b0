import type { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { pause } from '../infra/pause.ts';
import { within } from '../infra/within.ts';

/** A seat in the room. Taken once, left once. */
type Seat = { token: string; takenMs: number };

export type EngineRoomOptions = {
  redis: Pick<Redis, 'eval' | 'zrem'>;
  /** Of this engine and installation: all who count against each other name the same. */
  key: string;
  /** Seats. */
  limit: number;
  monotonicMs?: () => number;
};

/** So long a seat outlives its process: renewed meanwhile, and free for others when its process was killed. */
const TTL_MS = 1_000;
const RENEW_EVERY_MS = 300;
/** Whoever waits asks again, the next in line oftener; who does not ask for so long has given up, or is dead. */
const ASK_EVERY_MS = 15;
const ASK_AT_LEAST_EVERY_MS = 200;
const LINE_TTL_MS = 600;
/** A seat is used for one piece of work after the other without asking for it again, but not longer than this: others wait. */
const USED_FOR_MS = 500;
const IDLE_MS = 20;
/** Redis that does not answer by then is away, and the engine is protected by each process's own limit alone. */
const ANSWER_WITHIN_MS = 1_000;

/**
 * Room for so many at once, over all processes that share an engine: seats in Redis, first come first served. By Redis'
 * clock, so that it makes no difference what the hosts' say. A limit, not a lock: where Redis is away, or a process was
 * stopped and goes on, there may be more for a moment. Nobody waits for ever for a seat whose holder is dead.
 */
export class EngineRoom {
  readonly #options: EngineRoomOptions;
  readonly #now: () => number;
  readonly #renewed = new Set<string>();
  readonly #idle: { seat: Seat; timer: NodeJS.Timeout }[] = [];
  #renewing: NodeJS.Timeout | undefined;

  constructor(options: EngineRoomOptions) {
    this.#options = options;
    this.#now = options.monotonicMs ?? (() => performance.now());
  }

  /** Resolves with what leaves the room again. `front`: before all who wait. Rejects with the reason of `signal`. */
  async enter(end: 'front' | 'back', signal?: AbortSignal): Promise<() => void> {
    const seat = this.#takeIdle() ?? (await this.#claim(end, signal));
    return () => {
      if (seat !== undefined) this.#leave(seat);
    };
  }

  /** A seat that somebody of this process has just left. */
  #takeIdle(): Seat | undefined {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    clearTimeout(idle.timer);
    return idle.seat;
  }

  #leave(seat: Seat): void {
    if (this.#now() - seat.takenMs > USED_FOR_MS) return this.#giveBack(seat);
    const entry = {
      seat,
      timer: setTimeout(() => {
        this.#idle.splice(this.#idle.indexOf(entry), 1);
        this.#giveBack(seat);
      }, IDLE_MS).unref(),
    };
    this.#idle.push(entry);
  }

  #giveBack({ token }: Seat): void {
    this.#renewed.delete(token);
    // Where Redis is away, it lapses.
    this.#options.redis.zrem(heldKey(this.#options.key), token).catch(() => undefined);
  }

  /** Undefined where Redis is away. */
  async #claim(end: 'front' | 'back', signal: AbortSignal | undefined): Promise<Seat | undefined> {
    const token = randomUUID();
    for (;;) {
      const askedMs = this.#now();
      let before: number;
      try {
        before = await this.#ask(token, end);
      } catch {
        // Why, the connection's own outage log says.
        return undefined;
      }
      if (before < 0) {
        this.#renew(token);
        const seat = { token, takenMs: askedMs };
        if (signal?.aborted !== true) return seat;
        this.#giveBack(seat);
      }
      if (signal?.aborted !== true)
        await pause(Math.min(ASK_EVERY_MS * (before + 1), ASK_AT_LEAST_EVERY_MS), signal ?? NEVER);
      if (signal?.aborted !== true) continue;
      this.#options.redis.zrem(lineKey(this.#options.key), token).catch(() => undefined);
      throw signal.reason;
    }
  }

  async #ask(token: string, end: 'front' | 'back'): Promise<number> {
    const { redis, key, limit } = this.#options;
    const keys = [heldKey(key), lineKey(key), `${key}:asked`];
    const numbers = [limit, TTL_MS, LINE_TTL_MS, end === 'front' ? 1 : 0];
    return Number(await within(ANSWER_WITHIN_MS, redis.eval(ENTER, 3, ...keys, token, ...numbers)));
  }

  #renew(token: string): void {
    this.#renewed.add(token);
    this.#renewing ??= setInterval(() => {
      if (this.#renewed.size === 0) {
        clearInterval(this.#renewing);
        this.#renewing = undefined;
        return;
      }
      this.#options.redis
        .eval(RENEW, 1, heldKey(this.#options.key), TTL_MS, ...this.#renewed)
        .catch(() => undefined);
    }, RENEW_EVERY_MS).unref();
  }
}

const NEVER = new AbortController().signal;
const heldKey = (key: string): string => `${key}:held`;
const lineKey = (key: string): string => `${key}:line`;

/**
 * Held: tokens by the time at which they lapse. Line: tokens in their order. Asked: the same by the time at which they are
 * taken for gone. Answers -1 for a seat, else how many are before this one.
 */
const ENTER = `
local held, line, asked = KEYS[1], KEYS[2], KEYS[3]
local token, limit, ttl, lineTtl, front = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', asked, '-inf', now)) do
  redis.call('ZREM', line, gone)
  redis.call('ZREM', asked, gone)
end
local free = limit - redis.call('ZCARD', held)
if not redis.call('ZSCORE', line, token) then
  redis.call('ZADD', line, front and micros - 1e15 or micros, token)
end
local rank = redis.call('ZRANK', line, token)
if rank < free then
  redis.call('ZREM', line, token)
  redis.call('ZREM', asked, token)
  redis.call('ZADD', held, now + ttl, token)
  redis.call('PEXPIRE', held, ttl * 10)
  return -1
end
redis.call('ZADD', asked, now + lineTtl, token)
redis.call('PEXPIRE', line, ttl * 10)
redis.call('PEXPIRE', asked, ttl * 10)
return rank - math.max(free, 0)
`;

/** What has lapsed stays so: somebody else may have the seat. */
const RENEW = `
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', till, ARGV[index]) end
if #ARGV > 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1] * 10) end
return 0
`;
