import { DataQueues } from '../queues/data-queues.ts';
import { openRedis } from './redis.ts';
import type { Target } from './target.ts';

/** Runs `work` with the queues of logs, state, queries and sweeps, and closes the connection, whatever happens. */
export async function withDataQueues<T>(
  target: Target,
  work: (queues: DataQueues) => Promise<T>,
): Promise<T> {
  const redis = await openRedis(target);
  try {
    await using queues = new DataQueues({
      connection: redis,
      installation: target.settings.INSTALLATION,
      onError: () => undefined,
    });
    return await work(queues);
  } finally {
    redis.disconnect();
  }
}
