import { join } from 'node:path';
import { startMongo } from '../../infra/local/mongo.ts';
import { startNats } from '../../infra/local/nats.ts';
import { startRedis } from '../../infra/local/redis.ts';
import { startS3 } from '../../infra/local/s3.ts';
import type { RunningServer, ServerKind, StartOptions } from '../../infra/local/types.ts';
import { serveFakeEngine, createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { FakeEngine, FakeEngineServer } from '../../infra/engine/fake/index.ts';
import { testDirectory, testServers, type TestServers } from './servers.ts';

const START: Readonly<Record<ServerKind, (options: StartOptions) => Promise<RunningServer>>> = {
  mongo: startMongo,
  nats: startNats,
  redis: startRedis,
  s3: startS3,
};

export type OwnServers = AsyncDisposable & {
  servers: TestServers;
  running: Readonly<Record<ServerKind, RunningServer>>;
};

/** Servers of the test's own in place of the shared ones, so that it may break them; `running` has only those. */
export async function ownServers(...kinds: readonly ServerKind[]): Promise<OwnServers> {
  const shared = testServers();
  const dir = testDirectory();
  const started = await Promise.all(kinds.map((kind) => START[kind]({ dir: join(dir, kind) })));
  const running = Object.fromEntries(started.map((server) => [server.kind, server])) as Record<
    ServerKind,
    RunningServer
  >;
  const environment: Record<string, string> = Object.assign(
    {},
    shared.environment,
    ...started.map(({ env }) => env),
  ) as Record<string, string>;
  const [endPoint = '', port = ''] = (environment['S3_ENDPOINT'] ?? '').split(':');
  const servers: TestServers = {
    ...shared,
    environment,
    mongoUri: environment['MONGO_URI'] ?? '',
    redisUrl: environment['REDIS_URL'] ?? '',
    natsUrl: environment['NATS_URL'] ?? '',
    s3: {
      ...shared.s3,
      endPoint,
      port: Number(port),
      accessKey: environment['S3_ACCESS_KEY'] ?? '',
      secretKey: environment['S3_SECRET_KEY'] ?? '',
    },
  };
  return {
    servers,
    running,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((server) => server.stop()));
    },
  };
}

export type ServedEngine = AsyncDisposable & { engine: FakeEngine; server: FakeEngineServer; url: string };

/** A fake engine that children reach, and this process holds. */
export async function servedEngine(installation: string): Promise<ServedEngine> {
  const server = await serveFakeEngine({ images: ['python:3.11-slim'] });
  const engine = createFakeEngine({ installation, host: server.host });
  return { engine, server, url: server.url, [Symbol.asyncDispose]: () => server.close() };
}
