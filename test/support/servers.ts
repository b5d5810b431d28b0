import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { RunningServer } from '../../infra/local/types.ts';
import { startNats, type NatsOptions } from '../../infra/local/nats.ts';

/** A test file's own corner of the shared servers. Names are random, so files beside each other never meet. */
export type TestServers = {
  /** Prefix and label on the engine, prefix of the queues. */
  installation: string;
  mongoUri: string;
  natsUrl: string;
  redisUrl: string;
  s3: { endPoint: string; port: number; accessKey: string; secretKey: string; useSSL: false };
  databases: { bots: string; schedules: string; runtime: string };
  /** Put before the name of any bucket. */
  bucketPrefix: string;
  codeBucket: string;
  /** All of the above as settings; `{ ...servers.environment, LOG_LEVEL: 'silent' }` suits `loadSettings`. */
  environment: Readonly<Record<string, string>>;
};

export function testServers(): TestServers {
  const { env, dockerHost } = inject('shared');
  const id = randomBytes(4).toString('hex');
  const installation = `t-${id}`;
  const databases = { bots: `bots_${id}`, schedules: `schedules_${id}`, runtime: `runtime_${id}` };
  const codeBucket = `${installation}-code`;
  const [endPoint = '', port = ''] = read(env, 'S3_ENDPOINT').split(':');
  return {
    installation,
    mongoUri: read(env, 'MONGO_URI'),
    natsUrl: read(env, 'NATS_URL'),
    redisUrl: read(env, 'REDIS_URL'),
    s3: {
      endPoint,
      port: Number(port),
      accessKey: read(env, 'S3_ACCESS_KEY'),
      secretKey: read(env, 'S3_SECRET_KEY'),
      useSSL: false,
    },
    databases,
    bucketPrefix: `${installation}-`,
    codeBucket,
    environment: {
      ...env,
      ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
      INSTALLATION: installation,
      MONGO_BOTS_DATABASE: databases.bots,
      MONGO_SCHEDULES_DATABASE: databases.schedules,
      MONGO_RUNTIME_DATABASE: databases.runtime,
      S3_CODE_BUCKET: codeBucket,
      S3_LOG_BUCKET: `${installation}-logs`,
      S3_STATE_BUCKET: `${installation}-state`,
      S3_QUERY_BUCKET: `${installation}-query`,
    },
  };
}

/** The engine's address; fails with the reason where there is none. */
export function testEngine(): string {
  const { dockerHost, engineProblem } = inject('shared');
  if (dockerHost === undefined) throw new Error(engineProblem ?? 'There is no container engine');
  return dockerHost;
}

/** A directory for servers that a test starts and breaks itself; it goes with the run. */
export function testDirectory(): string {
  return join(inject('shared').dir, randomBytes(6).toString('hex'));
}

/** A NATS server of the test's own: stream names are fixed by the contract, so files that make streams cannot share one. */
export function ownNats(options: Partial<NatsOptions> = {}): Promise<RunningServer> {
  return startNats({ dir: testDirectory(), ...options });
}

function read(env: Readonly<Record<string, string>>, name: string): string {
  const value = env[name];
  if (value === undefined) throw new Error(`The test servers do not name ${name}`);
  return value;
}
