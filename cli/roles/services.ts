import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { OutageLog } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectRedis } from '../../infra/redis.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { BotQueues } from '../../queues/queues.ts';
import { QueueMetrics } from '../../queues/metrics.ts';
import { assertOneEngine } from './one-engine.ts';
import type { RoleContext } from './context.ts';

/** The connections that all roles of a process share. */
export type Services = {
  mongo: MongoLink;
  collections: Collections;
  engine: Engine;
  queues: BotQueues;
  redis: Redis;
  /** A connection of its own for each worker: they block on it. */
  workerRedis: () => Redis;
  queueMetrics: QueueMetrics;
};

const RETRY_EVERY_MS = 1_000;

/** Opens them, registers them for readiness and for closing, and waits until MongoDB and the engine have answered once. */
export async function openServices(context: RoleContext): Promise<Services> {
  const { settings, log, lifecycle, health, metrics } = context;

  const mongo = connectMongo(settings.MONGO_URI, { appName: `the0-runtime/${context.owner}`, log });
  lifecycle.onStop('mongo', () => mongo.close());
  health.check('mongo', () => mongo.ping());
  const all = collections(mongo.client, {
    bots: settings.MONGO_BOTS_DATABASE,
    runtime: settings.MONGO_RUNTIME_DATABASE,
  });

  const engine =
    context.engine ??
    createDockerEngine({
      installation: settings.INSTALLATION,
      log,
      ...(settings.DOCKER_HOST === undefined ? {} : { dockerHost: settings.DOCKER_HOST }),
    });
  if (context.engine === undefined) lifecycle.onStop('engine', async () => engine[Symbol.asyncDispose]());
  health.check('engine', (signal) => engine.identify({ signal }));

  const outage = new OutageLog(log, 'Redis');
  const open = (role: 'producer' | 'worker'): Redis => {
    const redis = connectRedis(settings.REDIS_URL, { role, onError: (error) => outage.failed(error) });
    redis.on('ready', () => outage.recovered());
    lifecycle.onStop(`redis ${role}`, () => redis.disconnect());
    return redis;
  };
  const redis = open('producer');
  const retry = { everyMs: RETRY_EVERY_MS, signal: lifecycle.signal, log };
  // BullMQ remembers for ever that its first look at Redis failed, so it is given a connection that stands.
  await untilSucceeds('Redis, to open the queues', () => answered(redis), retry);
  health.check('redis', () => redis.ping());
  const queues = new BotQueues({
    connection: redis,
    installation: settings.INSTALLATION,
    onError: (_queue, error) => outage.failed(error),
  });
  lifecycle.onStop('queues', () => queues.close());
  const queueMetrics = new QueueMetrics({ registry: metrics.registry, queues: queues.byName });

  await untilSucceeds('MongoDB, to create indexes', () => ensureIndexes(all), retry).then((problems) => {
    for (const problem of problems) log.warn(problem, 'An index could not be made as wished');
  });
  await untilSucceeds('The container engine', () => assertOneEngine(engine, all.installation), retry);
  return { mongo, collections: all, engine, queues, redis, workerRedis: () => open('worker'), queueMetrics };
}

async function answered(redis: Redis): Promise<void> {
  if (redis.status === 'connecting' || redis.status === 'connect')
    await once(redis, 'ready', { signal: AbortSignal.timeout(RETRY_EVERY_MS) });
  await redis.ping();
}
