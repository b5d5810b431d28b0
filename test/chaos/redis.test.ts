import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import { botDocument, newBotId, statusOf } from '../support/bots.ts';
import { ownServers, servedEngine, type OwnServers, type ServedEngine } from '../support/chaos-servers.ts';
import { openWorld, problemsOf, untilWell, type World } from '../support/chaos-world.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';

let own: OwnServers;
let fake: ServedEngine;

beforeAll(async () => {
  own = await ownServers('redis');
  fake = await servedEngine(own.servers.installation);
});
afterAll(async () => {
  expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
  await fake[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
});

const many = (count: number): string[] => Array.from({ length: count }, () => newBotId());

async function emptied(world: World): Promise<void> {
  await world.collections.bots.deleteMany({});
  await untilWell(world, { timeoutMs: 20_000 });
}

/** When the start of a bot that waits for its time is due; undefined while none waits (a job that is looked at does not). */
async function delayedUntilMs(redis: Redis, id: string): Promise<number | undefined> {
  const queue = `the0:${own.servers.installation}:start`;
  const score = await redis.zscore(`${queue}:delayed`, (await redis.get(`${queue}:de:${id}`)) ?? '');
  return score === null ? undefined : Number(score) / 4096;
}

it('an emptied Redis is noticed within 2 s and the queues are whole again, back-offs included', async () => {
  await using world = await openWorld({
    servers: own.servers,
    engine: fake.engine,
    engineUrl: fake.url,
    environment: { BACKOFF_FIRST: '30s', BACKOFF_MAX: '60s', RECONCILE_INTERVAL: '10m' },
  });
  const { bots, status } = world.collections;
  const [steady, stopping, starting, crashing] = [many(15), many(10), many(15), many(5)];
  const document = (id: string) => botDocument(id, { filePath: world.filePath });
  await world.plan();
  await world.spawn('processor');
  await bots.insertMany([...steady, ...stopping, ...crashing].map(document));
  await untilWell(world, { timeoutMs: 15_000 });
  for (const id of crashing) await fake.engine.control.exit(containerName(own.servers.installation, id), 1);
  // With full jitter one of them may run again before the last has crashed: each is known to have crashed all the same.
  await until(
    async () =>
      (await status.countDocuments({ _id: { $in: crashing }, consecutiveFailures: 1 })) === crashing.length,
  );

  for (const call of ['create', 'start', 'stop'] as const) await fake.engine.control.setLatency(call, 100);
  const redis = new Redis(own.servers.redisUrl);
  const mark = (): Promise<string | null> => redis.get(`the0:${own.servers.installation}:sentinel`);
  await until(async () => (await mark()) === 'whole');
  await Promise.all([
    bots.updateMany({ id: { $in: stopping } }, { $set: { 'config.enabled': false } }),
    bots.insertMany(starting.map(document)),
  ]);
  await sleep(150);
  await redis.flushall();
  const flushedAtMs = performance.now();
  const lost = (await redis.keys('*')).length;
  await until(mark, { timeoutMs: 5_000 });
  const noticedMs = performance.now() - flushedAtMs;
  const waiting = async (): Promise<string[]> =>
    (await problemsOf(world)).filter((problem) => !crashing.some((id) => problem.startsWith(id)));
  await until(async () => (await waiting()).length === 0, { timeoutMs: 15_000 });
  console.log(
    `noticed after ${Math.round(noticedMs)} ms with ${lost} keys left, whole after ${Math.round(performance.now() - flushedAtMs)} ms`,
  );
  expect(noticedMs).toBeLessThanOrEqual(2_000);

  // Those in back-off have their next attempt on the queue again, and not before its time.
  for (const id of crashing) {
    const what = `the next attempt of ${id}`;
    const next = await until(
      async () => {
        const { nextAttemptAt, phase } = await statusOf(status, id, () => true);
        // Its time may come while it is looked for on the queue.
        if (phase !== 'backing-off') return 'made';
        const dueMs = await delayedUntilMs(redis, id);
        return dueMs === undefined ? undefined : { dueMs, atMs: nextAttemptAt?.getTime() ?? 0 };
      },
      { what },
    );
    if (next !== 'made') expect(next.dueMs, what).toBeGreaterThanOrEqual(next.atMs - 1_000);
  }
  redis.disconnect();
  await fake.engine.control.clearFaults();
  await emptied(world);
}, 60_000);

it('a processor that only Redis has lost finishes under its lock, and the other that has its job starts nothing', async () => {
  await using proxy = await FaultProxy.start(own.running.redis.port);
  await using world = await openWorld({ servers: own.servers, engine: fake.engine, engineUrl: fake.url });
  await world.plan();
  const cutOff = await world.spawn('processor', { REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  // Within it the other one starts, which takes its time on a slow machine, and then takes over the job: six seconds at most.
  await fake.engine.control.setLatency('start', 15_000);
  const id = newBotId();
  await world.collections.bots.insertOne(botDocument(id, { filePath: world.filePath }));
  await until(async () =>
    (await fake.engine.control.ledger()).some((entry) => entry.botId === id && entry.type === 'created'),
  );
  const other = await world.spawn('processor', { LOG_LEVEL: 'debug' });
  proxy.cut();
  await until(async () => (await cutOff.readyz()).code === 503, { timeoutMs: 5_000 });
  await untilWell(world, { timeoutMs: 25_000 });
  const ledger = (await fake.engine.control.ledger()).filter((entry) => entry.botId === id);
  expect(ledger.map(({ type }) => type)).toEqual(['created', 'started']);
  expect(other.output(), 'the job went to the other one, which found the bot in good hands').toMatch(
    new RegExp(`${id}.*"kind":"busy"`),
  );

  proxy.heal();
  await until(async () => (await cutOff.readyz()).code === 200, { timeoutMs: 10_000 });
  other.kill('SIGTERM');
  await other.ended;
  await fake.engine.control.clearFaults();
  await world.collections.bots.updateOne({ id }, { $set: { 'config.v': 2 } });
  await untilWell(world, { timeoutMs: 10_000 });
  await emptied(world);
}, 90_000);

it('a connection to Redis that died without a word is given up, and a new one made', async () => {
  await using proxy = await FaultProxy.start(own.running.redis.port);
  await using world = await openWorld({ servers: own.servers, engine: fake.engine, engineUrl: fake.url });
  await world.plan();
  const halfOpen = await world.spawn('processor', { REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  const [first, second] = many(2);
  await world.collections.bots.insertOne(botDocument(first ?? '', { filePath: world.filePath }));
  await untilWell(world, { timeoutMs: 10_000 });
  proxy.silence();
  proxy.heal();
  await world.collections.bots.insertOne(botDocument(second ?? '', { filePath: world.filePath }));
  const tookMs = await untilWell(world, { timeoutMs: 40_000 });
  console.log(`at work again after ${Math.round(tookMs)} ms`);
  await until(async () => (await halfOpen.readyz()).code === 200, { timeoutMs: 15_000 });
  await emptied(world);
}, 90_000);
