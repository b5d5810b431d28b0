import { once } from 'node:events';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createLogger } from '../../infra/logger.ts';
import { connectRedis } from '../../infra/redis.ts';
import type { ConvergeDeps } from '../../processors/converge.ts';
import { QueueWorker } from '../../processors/worker.ts';
import { BotQueues } from '../../queues/queues.ts';
import { sideBySide, type BenchContext, type BenchServers, type Figure } from './harness/index.ts';

const JOBS = 10_000;
const ROUNDS = 9;
const CONCURRENCY = 32;

/**
 * Jobs through our queue (validated, deduplicated, retained as configured) whose handler does nothing, against BullMQ as
 * it comes. Both are filled first and then worked off, so that each round is two clean phases; the rate is over both.
 */
export async function queuePath(context: BenchContext, servers: BenchServers): Promise<Figure> {
  const log = createLogger({ level: 'silent', service: 'bench' });
  const connect = (role: 'producer' | 'worker'): Redis =>
    connectRedis(servers.redisUrl, { role, onError: (error) => context.say(error.message) });
  const connection = connect('producer');
  context.atEnd('the connection to Redis', async () => connection.disconnect());
  await once(connection, 'ready');

  async function ours(round: number): Promise<number> {
    const installation = `${servers.installation}-${round}`;
    const queues = new BotQueues({
      connection,
      installation,
      onError: (_queue, error) => context.say(error.message),
    });
    const workerConnection = connect('worker');
    const done = countDown(JOBS);
    const worker = new QueueWorker({
      queue: 'start',
      connection: workerConnection,
      installation,
      concurrency: CONCURRENCY,
      // Never looked at: the handler below takes the place of the one that does.
      deps: {} as ConvergeDeps,
      converge: async () => ({ kind: 'settled', phase: 'running', reason: 'It runs.' }),
      log,
      onOutcome: done.one,
      onError: (_queue, error) => context.say(error.message),
    });
    const beganMs = performance.now();
    await queues.add(
      Array.from({ length: JOBS }, (_, index) => ({
        queue: 'start' as const,
        job: { botId: `bot-${index}`, cause: 'the bot is new' },
        urgency: 'wish' as const,
      })),
    );
    worker.start();
    await done.all;
    const rate = JOBS / ((performance.now() - beganMs) / 1000);
    await worker.stop(5_000);
    await queues.byName.start.obliterate({ force: true });
    await queues.close();
    workerConnection.disconnect();
    return rate;
  }

  async function bare(round: number): Promise<number> {
    const prefix = `bare-${round}`;
    const queue = new Queue('start', { connection, prefix });
    const workerConnection = connect('worker');
    const done = countDown(JOBS);
    const worker = new Worker('start', async () => done.one(), {
      connection: workerConnection,
      prefix,
      concurrency: CONCURRENCY,
      autorun: false,
    });
    const beganMs = performance.now();
    await queue.addBulk(
      Array.from({ length: JOBS }, (_, index) => ({
        name: 'start',
        data: { botId: `bot-${index}`, cause: 'the bot is new' },
      })),
    );
    worker.run().catch((error: unknown) => context.say(String(error)));
    await done.all;
    const rate = JOBS / ((performance.now() - beganMs) / 1000);
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    workerConnection.disconnect();
    return rate;
  }

  // Both are compiled by then.
  await ours(-1);
  await bare(-1);
  const measured = await sideBySide({ rounds: ROUNDS, against: 'bare BullMQ', ours, bare });
  return {
    name: 'queue path alone',
    ...measured,
    unit: 'jobs/s',
    limit: { of: 'ratio', atLeast: 0.8 },
  };
}

function countDown(count: number): { one: () => void; all: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  return {
    one: () => {
      left -= 1;
      if (left === 0) resolve();
    },
    all: promise,
  };
}
