import { Redis } from 'ioredis';
import { botDocument, newBotId } from '../support/bots.ts';
import { openWorld, untilWell } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import type { Bench } from './harness/index.ts';

const BOTS = 10_000;
const CHANGED = 500;
const CREATED = 300;
const DISABLED = 200;

export const bench: Bench = {
  name: 'rebuild',
  goal: `Redis emptied with ${BOTS} bots, ${CHANGED + CREATED + DISABLED} of them with work to do: noticed in ≤ 2 s, whole again in ≤ 30 s`,
  async run(context) {
    const servers = await context.servers('mongo', 'redis', 's3');
    const { engine, url } = await context.remoteFakeEngine(servers.installation);
    const world = await openWorld({
      servers,
      engine,
      engineUrl: url,
      environment: { RECONCILE_INTERVAL: '10m' },
    });
    context.atEnd('the world', async () => world[Symbol.asyncDispose]());
    const { bots } = world.collections;
    const ids = Array.from({ length: BOTS }, () => newBotId());
    const document = (id: string) => botDocument(id, { filePath: world.filePath });
    await world.spawn('bot-runner');
    await bots.insertMany(ids.slice(CREATED).map(document));
    const startedMs = await untilWell(world, { timeoutMs: 300_000, everyMs: 1_000 });
    context.say(`${BOTS - CREATED} bots run after ${Math.round(startedMs / 1000)} s`);

    const redis = new Redis(servers.redisUrl);
    context.atEnd('the connection to Redis', async () => redis.disconnect());
    const mark = (): Promise<string | null> => redis.get(`the0:${servers.installation}:sentinel`);
    await until(async () => (await mark()) === 'whole');
    await Promise.all([
      bots.insertMany(ids.slice(0, CREATED).map(document)),
      bots.updateMany({ id: { $in: ids.slice(CREATED, CREATED + CHANGED) } }, { $set: { 'config.v': 2 } }),
      bots.updateMany({ id: { $in: ids.slice(-DISABLED) } }, { $set: { 'config.enabled': false } }),
    ]);
    const sinceMs = performance.now();
    await redis.flushall();
    await until(mark, { timeoutMs: 30_000, everyMs: 10 });
    const noticed = (performance.now() - sinceMs) / 1000;
    await until(async () => (await mark()) === 'whole', { timeoutMs: 60_000 });
    const whole = (await untilWell(world, { timeoutMs: 120_000, sinceMs, everyMs: 250 })) / 1000;
    return [
      { name: 'whole again', value: whole, unit: 's', runs: [whole], limit: { atMost: 30 } },
      { name: 'noticed', value: noticed, unit: 's', runs: [noticed], limit: { atMost: 2 } },
    ];
  },
};
