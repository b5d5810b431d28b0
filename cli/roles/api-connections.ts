import { once } from 'node:events';
import { OutageLog } from '../../infra/logger.ts';
import { collections, databaseNames } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import { pause } from '../../infra/pause.ts';
import { connectRedis, pingRedis } from '../../infra/redis.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { Unavailable } from '../../producers/control/errors.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { BotQueues } from '../../queues/queues.ts';
import { ScheduleQueues } from '../../queues/schedule-queues.ts';
import type { ApiConnections, ApiQueues } from '../api/connections.ts';
import { openClock } from './clock.ts';
import type { RoleContext } from './context.ts';
import { startHeartbeat } from './heartbeat.ts';
import { openNats } from './nats.ts';
import { assertOneInstallation } from './one-engine.ts';
import type { Services } from './services.ts';

const RETRY_EVERY_MS = 1_000;
/** A connection that is being made is no outage yet. */
const FIRST_LOOK_MS = 500;

/**
 * The connections of a process that answers the API and does nothing else. Waits for MongoDB alone, which knows who may call:
 * what the others carry is refused while they are away, and the rest is answered.
 */
export async function openApiConnections(context: RoleContext): Promise<ApiConnections> {
  const { settings, log, lifecycle, health, owner } = context;
  const mongo = connectMongo(settings.MONGO_URI, { appName: `the0-runtime/${owner}`, log });
  lifecycle.onStop('mongo', () => mongo.close());
  health.check('mongo', () => mongo.ping());
  const all = collections(mongo.client, databaseNames(settings));

  const outage = new OutageLog(log, 'Redis');
  const redis = connectRedis(settings.REDIS_URL, {
    role: 'producer',
    onError: (error) => outage.failed(error),
  });
  redis.on('ready', () => outage.recovered());
  lifecycle.onStop('redis', () => redis.disconnect());
  await Promise.race([once(redis, 'ready').catch(() => undefined), pause(FIRST_LOOK_MS, lifecycle.signal)]);
  health.check('redis', () => pingRedis(redis), { degradesOnly: true });
  // BullMQ remembers for ever that its first look at Redis failed, so it is given a connection that stands.
  let opened: ApiQueues | undefined;
  const queues = async (): Promise<ApiQueues> => {
    if (redis.status !== 'ready') throw new Unavailable('redis', 'Redis does not answer', CURE);
    if (opened !== undefined) return opened;
    const options = {
      connection: redis,
      installation: settings.INSTALLATION,
      onError: (_queue: string, error: Error) => outage.failed(error),
    };
    return (opened = {
      redis,
      bots: new BotQueues(options),
      schedules: new ScheduleQueues(options),
      data: new DataQueues(options),
    });
  };
  lifecycle.onStop('queues', async () => {
    if (opened === undefined) return;
    await Promise.all([opened.bots.close(), opened.schedules.close(), opened.data.close()]);
  });

  const nats = openNats(context);
  const retry = { everyMs: RETRY_EVERY_MS, signal: lifecycle.signal, log };
  await untilSucceeds('MongoDB, to create indexes', () => ensureIndexes(all), retry).then((problems) => {
    for (const problem of problems) log.warn(problem, 'An index could not be made as wished');
  });
  await untilSucceeds(
    'MongoDB, to see whose databases these are',
    () => assertOneInstallation(settings.INSTALLATION, all.installation),
    retry,
  );
  startHeartbeat(context, all, { engine: false });
  const clock = await openClock(context, { mongo, redis });
  const s3 = new S3Client({ ...s3Options(settings), clockOffsetMs: () => clock.now() - Date.now() });
  lifecycle.onStop('s3', async () => s3[Symbol.dispose]());
  return {
    settings,
    log,
    mongo: mongo.client,
    collections: all,
    s3,
    queues,
    nats: () => natsOf(nats),
    now: () => new Date(clock.now()),
    newId: () => crypto.randomUUID(),
  };
}

/** Those of a process that does everything. */
export function connectionsOf({ settings, log }: RoleContext, services: Services): ApiConnections {
  const { mongo, collections: all, s3, redis, queues, scheduleQueues, dataQueues, clock } = services;
  return {
    settings,
    log,
    mongo: mongo.client,
    collections: all,
    s3,
    queues: async () => {
      if (redis.status !== 'ready') throw new Unavailable('redis', 'Redis does not answer', CURE);
      return { redis, bots: queues, schedules: scheduleQueues, data: dataQueues };
    },
    nats: () => natsOf(services.nats()),
    now: () => new Date(clock.now()),
    newId: () => crypto.randomUUID(),
  };
}

const CURE = 'ask again once it is back; "the0-runtime doctor" says what is wrong with it';

async function natsOf(link: NatsLink | undefined): ReturnType<ApiConnections['nats']> {
  if (link === undefined)
    throw new Unavailable(
      'nats',
      'This installation has no NATS',
      'set NATS_URL and start this process anew',
    );
  if (!link.connected) throw new Unavailable('nats', 'NATS does not answer', CURE);
  return await link.connection();
}
