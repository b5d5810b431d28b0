import { randomBytes } from 'node:crypto';
import type { Queue } from 'bullmq';
import { mongoTime, redisTime } from '../../infra/clock.ts';
import { installationService } from '../../producers/control/api/installation-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import type { ServerProbe } from '../../producers/control/installation/servers.ts';
import { StatsReader } from '../../producers/control/installation/stats.ts';
import { productVersion } from '../paths.ts';
import type { ApiConnections, ApiQueues } from './connections.ts';

/** The installation as a whole, and its tokens. */
export function installation(connections: ApiConnections): NonNullable<ApiServices['installation']> {
  const { settings, collections, queues, now, log } = connections;
  return installationService({
    tokens: collections.apiTokens,
    now,
    randomBytes,
    stats: new StatsReader({
      collections,
      queues: async () => allQueues(await queues()),
      probes: serverProbes(connections),
      now,
      log,
    }),
    installation: settings.INSTALLATION,
    version: productVersion(),
  });
}

const allQueues = ({ bots, schedules, data }: ApiQueues): Queue[] =>
  [bots, schedules, data].flatMap(({ byName }) => Object.values<Queue>(byName));

function serverProbes({ settings, mongo, queues, nats, s3 }: ApiConnections): ServerProbe[] {
  return [
    {
      name: 'mongodb',
      ask: async () => {
        const timeMs = await mongoTime(mongo)();
        const { version } = await mongo.db('admin').command({ buildInfo: 1 });
        return { version: String(version), timeMs };
      },
    },
    {
      name: 'redis',
      ask: async () => {
        const { redis } = await queues();
        const timeMs = await redisTime(redis)();
        return { version: redisVersion(await redis.info('server')), timeMs };
      },
    },
    ...(settings.NATS_URL === undefined
      ? []
      : [
          {
            name: 'nats',
            ask: async () => {
              const connection = await nats();
              await connection.rtt();
              return { version: connection.info?.version ?? '' };
            },
          },
        ]),
    {
      name: 's3',
      ask: async (signal) => {
        await s3.bucketExists(settings.S3_LOG_BUCKET, { signal });
        return {};
      },
    },
  ];
}

/** Valkey says which Redis it answers like, and beside it what it is. */
const redisVersion = (info: string): string =>
  (/^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info))?.[1] ?? '';
