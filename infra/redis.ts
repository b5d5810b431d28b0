import { Redis } from 'ioredis';

const ASK_EVERY_MS = 4_000;
/** Less than a producer's command may take, so that it is the connection that is given up and not only the command. */
const ANSWER_WITHIN_MS = 4_000;

/**
 * Connections to Redis or Valkey. Workers wait for it without limit (`blocking`); producers fail at once while it is
 * away, so that an outage shows where it matters instead of piling up in memory.
 */
export function connectRedis(
  url: string,
  options: { role: 'producer' | 'worker'; onError: (error: Error) => void },
): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    enableOfflineQueue: options.role === 'worker',
    // A half-open connection must not hold a producer for ever; a worker's blocking calls are long on purpose.
    ...(options.role === 'producer' ? { commandTimeout: 5_000 } : {}),
    // Quick at first, so that a restart costs little; capped, so that an hour's outage does not hammer it.
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 2_000),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  redis.on('error', (error) => {
    lastErrors.set(redis, error);
    options.onError(error);
  });
  redis.on('ready', () => lastErrors.delete(redis));
  giveUpWhenSilent(redis);
  return redis;
}

/** Why a connection does not stand: a command only says that it does not. */
const lastErrors = new WeakMap<Redis, Error>();

/** Resolves when Redis has answered; rejects with what is wrong with the connection. */
export async function pingRedis(redis: Redis): Promise<void> {
  try {
    await redis.ping();
  } catch (error) {
    throw lastErrors.get(redis) ?? error;
  }
}

/**
 * A peer that vanished without a word leaves a connection on which nothing ever fails: the kernel itself would try for
 * a quarter of an hour. So an answer is asked for now and then, and a connection that gives none is made anew.
 */
function giveUpWhenSilent(redis: Redis): void {
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking || redis.status !== 'ready') return;
    asking = true;
    const late = setTimeout(() => redis.disconnect(true), ANSWER_WITHIN_MS);
    // The connection that this was asked on is gone: its successor is asked at its own time.
    const over = (): void => clearTimeout(late);
    redis.once('close', over);
    try {
      await redis.ping();
    } catch {
      // Away, and said by the 'error' event; or silent, and given up above.
    } finally {
      redis.off('close', over);
      clearTimeout(late);
      asking = false;
    }
  };
  const timer = setInterval(() => void ask(), ASK_EVERY_MS).unref();
  redis.once('end', () => clearInterval(timer));
}
