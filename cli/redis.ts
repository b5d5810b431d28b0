import { Redis } from 'ioredis';
import { messageOf } from '../infra/message-of.ts';
import { deniedLogin, Unreachable } from './errors.ts';
import type { Target } from './target.ts';

/** A person waits: what does not answer by then is away. */
const PATIENCE_MS = 3_000;

/** A connection for one command. Throws `CliError` where Redis is away or does not let us in. */
export async function openRedis({ settings, origin }: Target): Promise<Redis> {
  const redis = new Redis(settings.REDIS_URL, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    maxRetriesPerRequest: null,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  let problem: unknown;
  // What `connect` rejects with says only that the connection is closed; what goes wrong later, the command says.
  redis.on('error', (error) => (problem ??= error));
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    const cause = problem ?? error;
    throw deniedLogin(cause) ?? new Unreachable('Redis', `REDIS_URL, ${origin}`, messageOf(cause), { cause });
  }
}
