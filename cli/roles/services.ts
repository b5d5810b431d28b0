import { once } from 'node:events';
import type { Redis } from 'ioredis';
import type { TrustedClock } from '../../infra/clock.ts';
import { endpointOptions } from '../../infra/engine/docker/endpoint.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { measuredEngine } from '../../infra/engine/measured.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { tracedEngine } from '../../infra/engine/traced.ts';
import { OutageLog } from '../../infra/logger.ts';
import { collections, databaseNames, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectRedis, pingRedis } from '../../infra/redis.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { isTracing } from '../../infra/tracing/tracing.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { LookMetrics } from '../../producers/changes/look-metrics.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { BotQueues } from '../../queues/queues.ts';
import { QueueMetrics } from '../../queues/metrics.ts';
import { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { boundedEngine } from './bounded-engine.ts';
import { openClock } from './clock.ts';
import { startHeartbeat } from './heartbeat.ts';
import { openNats } from './nats.ts';
import { assertOneEngine, assertOneInstallation } from './one-engine.ts';
import type { RoleContext } from './context.ts';

/** The connections that all roles of a process share. */
export type Services = {
  mongo: MongoLink;
  collections: Collections;
  engine: Engine;
  /**
   * Resolves with the engine's id once it has answered and is the installation's own; asked for from the first call on.
   * Whatever starts or looks at containers waits for it. Schedules are planned and tick without.
   */
  engineReady: () => Promise<string>;
  queues: BotQueues;
  scheduleQueues: ScheduleQueues;
  dataQueues: DataQueues;
  redis: Redis;
  /** A connection of its own for each worker: they block on it. */
  workerRedis: () => Redis;
  queueMetrics: QueueMetrics;
  /** Of whichever planners this process has. */
  looks: LookMetrics;
  s3: S3Client;
  /** Opened at the first call; undefined where NATS_URL is not set. */
  nats: () => NatsLink | undefined;
  /** Of the installation: by it schedules tick. */
  clock: TrustedClock;
};

const RETRY_EVERY_MS = 1_000;

/**
 * Opens them, registers them for readiness and for closing, and waits until MongoDB and Redis have answered once. Not for
 * the engine: schedules tick while it is away.
 */
export async function openServices(
  context: RoleContext,
  /** `needsEngine`: whether the process is not ready while the engine is away. One that never asks it needs no socket. */
  { needsEngine = true }: { needsEngine?: boolean } = {},
): Promise<Services> {
  const { settings, log, lifecycle, health, metrics } = context;

  const mongo = connectMongo(settings.MONGO_URI, { appName: `the0-runtime/${context.owner}`, log });
  lifecycle.onStop('mongo', () => mongo.close());
  health.check('mongo', () => mongo.ping());
  const all = collections(mongo.client, databaseNames(settings));

  const own =
    context.engine ??
    createDockerEngine({
      installation: settings.INSTALLATION,
      log,
      ...endpointOptions(settings),
    });
  if (context.engine === undefined) lifecycle.onStop('engine', async () => own[Symbol.asyncDispose]());
  const measured = measuredEngine(own, metrics);
  const engine = boundedEngine(isTracing() ? tracedEngine(measured) : measured, settings);
  if (needsEngine) health.check('engine', (signal) => engine.identify({ signal }));

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
  health.check('redis', () => pingRedis(redis));
  const queues = new BotQueues({
    connection: redis,
    installation: settings.INSTALLATION,
    onError: (_queue, error) => outage.failed(error),
  });
  lifecycle.onStop('queues', () => queues.close());
  const scheduleQueues = new ScheduleQueues({
    connection: redis,
    installation: settings.INSTALLATION,
    onError: (_queue, error) => outage.failed(error),
  });
  lifecycle.onStop('schedule queues', () => scheduleQueues.close());
  const dataQueues = new DataQueues({
    connection: redis,
    installation: settings.INSTALLATION,
    onError: (_queue, error) => outage.failed(error),
  });
  lifecycle.onStop('data queues', () => dataQueues.close());
  const queueMetrics = new QueueMetrics({
    registry: metrics.registry,
    queues: { ...queues.byName, ...scheduleQueues.byName, ...dataQueues.byName },
  });
  let trusted: TrustedClock | undefined;
  const s3 = new S3Client({
    ...s3Options(settings),
    clockOffsetMs: () => (trusted === undefined ? 0 : trusted.now() - Date.now()),
  });
  lifecycle.onStop('s3', async () => s3[Symbol.dispose]());

  await untilSucceeds('MongoDB, to create indexes', () => ensureIndexes(all), retry).then((problems) => {
    for (const problem of problems) log.warn(problem, 'An index could not be made as wished');
  });
  await untilSucceeds(
    'MongoDB, to see whose databases these are',
    () => assertOneInstallation(settings.INSTALLATION, all.installation),
    retry,
  );
  startHeartbeat(context, all, { engine: needsEngine });
  const clock = (trusted = await openClock(context, { mongo, redis }));
  let engineId: Promise<string> | undefined;
  let nats: NatsLink | undefined;
  return {
    mongo,
    collections: all,
    engine,
    engineReady: () =>
      (engineId ??= untilSucceeds(
        'The container engine',
        () => assertOneEngine(engine, all.installation),
        retry,
      )),
    queues,
    scheduleQueues,
    dataQueues,
    redis,
    s3,
    nats: () => (nats ??= openNats(context)),
    workerRedis: () => open('worker'),
    queueMetrics,
    looks: new LookMetrics({ registry: metrics.registry }),
    clock,
  };
}

async function answered(redis: Redis): Promise<void> {
  if (redis.status === 'connecting' || redis.status === 'connect')
    await once(redis, 'ready', { signal: AbortSignal.timeout(RETRY_EVERY_MS) });
  await pingRedis(redis);
}
