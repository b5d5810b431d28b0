import type { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadSettings } from '../../infra/config/load.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectRedis } from '../../infra/redis.ts';
import { logLimitsOf } from '../../processors/logs/batch.ts';
import { createLogFlushWorker } from '../../processors/logs/flush-worker.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { testServers } from '../support/servers.ts';
import { logRig, type LogRig } from './log-rig.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const servers = testServers();
const mongo = new MongoClient(servers.mongoUri);
const ignore = (): void => undefined;
const connections: Redis[] = [];
const outcomes: string[] = [];
let rig: LogRig & Disposable;
let proxy: S3FaultProxy;
let queues: DataQueues;
let worker: RoleWorker;

function connect(role: 'producer' | 'worker'): Redis {
  const connection = connectRedis(servers.redisUrl, { role, onError: ignore });
  connections.push(connection);
  return connection;
}

beforeAll(async () => {
  rig = await logRig(servers, { collections: collections(mongo, servers.databases), nowMs: NOON });
  proxy = await S3FaultProxy.start(servers.s3.port);
  const connection = connect('producer');
  await until(() => connection.status === 'ready');
  queues = new DataQueues({ connection, installation: servers.installation, onError: ignore });
  worker = createLogFlushWorker({
    keeper: rig.keeper({
      s3: rig.s3At({ endpoint: proxy.endpoint }),
      ...logLimitsOf(loadSettings(servers.environment)),
    }),
    connection: connect('worker'),
    installation: servers.installation,
    concurrency: 2,
    log: createLogger({ level: 'silent', service: 'test' }),
    onOutcome: (_queue, outcome) => outcomes.push(outcome),
    onError: ignore,
  });
  worker.start();
});
afterAll(async () => {
  await worker.stop(2_000);
  await queues.close();
  for (const connection of connections) connection.disconnect();
  rig[Symbol.dispose]();
  await proxy[Symbol.asyncDispose]();
  await mongo.close();
});

it('a job saves what a bot has printed; while S3 is away it comes back until it is saved', async () => {
  const botId = newBotId();
  const container = rig.output.container(botId);
  rig.output.entry(container, 'one\n', NOON);
  await queues.add([{ queue: 'log-flush', job: { botId, cause: 'output' } }]);
  await until(async () => (await rig.stored(botId))['20261124']?.length === 1);

  proxy.fault = () => 'busy';
  rig.output.entry(container, 'two\n', NOON + 1);
  await queues.add([{ queue: 'log-flush', job: { botId, cause: 'output' } }]);
  await until(() => outcomes.includes('deferred'));
  proxy.fault = () => 'pass';
  await until(async () => (await rig.stored(botId))['20261124']?.length === 2, { timeoutMs: 25_000 });
  await until(() => outcomes.filter((outcome) => outcome === 'succeeded').length >= 2);
  expect(outcomes).not.toContain('errored');
});

it('a flush that hangs gives its place back, and is begun anew', async () => {
  const installation = `${servers.installation}-hang`;
  const connection = connect('producer');
  await until(() => connection.status === 'ready');
  const own = new DataQueues({ connection, installation, onError: ignore });
  const told: string[] = [];
  let flushes = 0;
  const hanging = createLogFlushWorker({
    keeper: {
      flush: async (_id, signal) => {
        flushes += 1;
        if (flushes > 1) return { bytes: 0, left: [] };
        const hung = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => hung.reject(signal.reason as Error), { once: true });
        return hung.promise;
      },
    },
    timeoutMs: 300,
    connection: connect('worker'),
    installation,
    concurrency: 1,
    log: createLogger({ level: 'silent', service: 'test' }),
    onOutcome: (_queue, outcome) => told.push(outcome),
    onError: ignore,
  });
  hanging.start();
  await own.add([{ queue: 'log-flush', job: { botId: newBotId(), cause: 'output' } }]);
  await until(() => told.includes('succeeded'), { timeoutMs: 25_000 });
  expect(told).toEqual(['deferred', 'succeeded']);
  await hanging.stop(2_000);
  await own.close();
});
