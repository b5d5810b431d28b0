import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectRedis } from '../../infra/redis.ts';
import type { Urgency } from '../../queues/names.ts';
import { BotQueues, queuePrefix } from '../../queues/queues.ts';
import { DataLossSentinel } from '../../queues/sentinel.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
const ignore = (): void => undefined;
let redis: Redis;
let queues: BotQueues;
const workers: Worker[] = [];

beforeAll(async () => {
  redis = connectRedis(servers.redisUrl, { role: 'producer', onError: ignore });
  await until(() => redis.status === 'ready');
  queues = new BotQueues({ connection: redis, installation: servers.installation, onError: ignore });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  for (const queue of Object.values(queues.byName)) await queue.obliterate({ force: true });
});
afterAll(async () => {
  await queues.close();
  redis.disconnect();
});

const start = (botId: string, cause: string, urgency: Urgency, delayMs = 0) =>
  queues.add([{ queue: 'start', job: { botId, cause }, urgency, delayMs }]);
const causes = async (state: 'wait' | 'delayed') =>
  (await queues.byName.start.getJobs([state])).map((job) => job.data.cause);

function work(handle: (cause: string) => Promise<void>): void {
  const worker = new Worker<{ cause: string }>('start', async (job) => handle(job.data.cause), {
    connection: connectRedis(servers.redisUrl, { role: 'worker', onError: ignore }),
    prefix: queuePrefix(servers.installation),
  });
  worker.on('error', ignore);
  workers.push(worker);
}

it.each([
  ['a wish', 'wish' as const, ['newer'], []],
  ['an exit', 'event' as const, ['newer'], []],
  ['the resync', 'resync' as const, [], ['older']],
])('%s meets a job in back-off', async (_who, urgency, waiting, delayed) => {
  const botId = newBotId();
  await start(botId, 'older', 'event', 60_000);
  await start(botId, 'newer', urgency);
  expect(await causes('wait')).toEqual(waiting);
  expect(await causes('delayed')).toEqual(delayed);
});

it.each([
  ['a wish', 'wish' as const, ['first', 'second']],
  ['an exit', 'event' as const, ['first', 'second']],
  ['the resync', 'resync' as const, ['first']],
])('%s meets a job that runs', async (_who, urgency, expected) => {
  const botId = newBotId();
  const handled: string[] = [];
  const gate = Promise.withResolvers<void>();
  work(async (cause) => {
    handled.push(cause);
    if (cause === 'first') await gate.promise;
  });
  await start(botId, 'first', 'wish');
  await until(() => handled.length === 1);
  await start(botId, 'second', urgency);
  gate.resolve();
  await until(
    async () => (await queues.byName.start.getJobCounts('completed'))['completed'] === expected.length,
  );
  expect(handled).toEqual(expected);
});

it('a wish that comes after a running job deferred itself wins over the deferral', async () => {
  const botId = newBotId();
  const handled: string[] = [];
  work(async (cause) => {
    handled.push(cause);
    if (cause !== 'first') return;
    await start(botId, 'deferred', 'event', 60_000);
    await start(botId, 'repaired', 'wish');
  });
  await start(botId, 'first', 'wish');
  await until(() => handled.length === 2);
  expect(handled).toEqual(['first', 'repaired']);
  expect(await causes('delayed')).toEqual([]);
});

it('bots do not stand in each other’s way', async () => {
  const [a, b] = [newBotId(), newBotId()];
  await start(a, 'a', 'resync');
  await start(b, 'b', 'resync');
  await start(a, 'a again', 'resync');
  expect((await causes('wait')).sort()).toEqual(['a', 'b']);
});

it('refuses a payload with anything but who and why', async () => {
  const job = { botId: 'b', cause: 'c', config: { secret: 'x' } };
  await expect(queues.add([{ queue: 'start', job, urgency: 'wish' }])).rejects.toThrow(/config/);
});

it('the loss of everything in Redis is noticed within two seconds, and a rebuild that fails is done again', async () => {
  let rebuilds = 0;
  const sentinel = new DataLossSentinel({
    redis,
    installation: servers.installation,
    onLost: async () => {
      rebuilds += 1;
      if (rebuilds === 2) throw new Error('MongoDB is away');
    },
  });
  sentinel.start();
  await until(
    async () => rebuilds === 1 && (await redis.exists(`${queuePrefix(servers.installation)}:sentinel`)) === 1,
  );
  const emptiedAt = performance.now();
  await redis.del(`${queuePrefix(servers.installation)}:sentinel`);
  await until(() => rebuilds === 2);
  expect(performance.now() - emptiedAt).toBeLessThan(2_000);
  await until(() => rebuilds === 3);
  await sentinel.stop();
});
