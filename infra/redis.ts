import { Redis } from 'ioredis';

/**
 * Connections to Redis or Valkey. Workers wait for it without limit (`blocking`); producers fail at once while it is
 * away, so that an outage shows where it matters instead of piling up in memory.
 */
export function connectRedis(url: string, options: { role: 'producer' | 'worker'; onError: (error: Error) => void }): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    enableOfflineQueue: options.role === 'worker',
    // A half-open connection must not hold a producer for ever; a worker's blocking calls are long on purpose.
    ...(options.role === 'producer' ? { commandTimeout: 5_000 } : {}),
    // Quick at first, so that a restart costs little; capped, so that an hour's outage does not hammer it.
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 2_000),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  redis.on('error', options.onError);
  return redis;
}
