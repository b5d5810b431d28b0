import { Worker, type Job } from 'bullmq';
import { connectRedis } from '../../infra/redis.ts';
import { queuePrefix } from '../../queues/queues.ts';
import type { TestServers } from './servers.ts';

type Processor = ConstructorParameters<typeof Worker>[1];

function open(servers: TestServers, queue: string, handle: Processor): AsyncDisposable & { worker: Worker } {
  const connection = connectRedis(servers.redisUrl, { role: 'worker', onError: () => undefined });
  const worker = new Worker(queue, handle, {
    connection,
    prefix: queuePrefix(servers.installation),
    concurrency: 50,
  });
  worker.on('error', () => undefined);
  return {
    worker,
    async [Symbol.asyncDispose]() {
      await worker.close(true);
      connection.disconnect();
    },
  };
}

/** Takes jobs of a queue until it is disposed of; `handle` says what becomes of each. */
export const workOn = (
  servers: TestServers,
  queue: string,
  handle: (botId: string) => Promise<void>,
): AsyncDisposable => open(servers, queue, (job) => handle((job.data as { botId: string }).botId));

/** Takes some jobs, and leaves them as a processor does that dies at once. */
export async function takeAndDie(servers: TestServers, queue: string, count: number): Promise<string[]> {
  await using opened = open(servers, queue, null);
  const taken: (Job | undefined)[] = [];
  for (let at = 0; at < count; at += 1) taken.push(await opened.worker.getNextJob('of a dead one'));
  return taken.map((job) => job?.id ?? '');
}
