import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { Client } from 'minio';
import { MongoClient } from 'mongodb';
import { afterEach, describe, expect, it } from 'vitest';
import { ServerStartFailed } from '../../../infra/local/errors.ts';
import { startMongo } from '../../../infra/local/mongo.ts';
import { startNats } from '../../../infra/local/nats.ts';
import { startRedis } from '../../../infra/local/redis.ts';
import { startS3 } from '../../../infra/local/s3.ts';
import type { RunningServer } from '../../../infra/local/types.ts';
import { until } from '../../support/poll.ts';
import { ownNats, testDirectory } from '../../support/servers.ts';

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function started(server: Promise<RunningServer>): Promise<RunningServer> {
  running.push(await server);
  return server;
}

/** Killed as a crash would, and up again: what was acknowledged must be there, at the same address. */
async function crash(server: RunningServer): Promise<void> {
  const { port, pid, url } = server;
  server.kill('SIGKILL');
  await server.restart();
  expect(server.port).toBe(port);
  expect(server.url).toBe(url);
  expect(server.pid).not.toBe(pid);
}

describe('a server of our own keeps its data and its port when it is killed and started again', () => {
  it('MongoDB, as a replica set that is primary at once', async () => {
    const server = await started(startMongo({ dir: testDirectory() }));
    const write = { writeConcern: { w: 'majority', journal: true } } as const;
    await using before = await new MongoClient(server.url).connect();
    await before.db('d').collection('c').insertOne({ a: 1 }, write);
    await before.close();
    await crash(server);
    await using after = await new MongoClient(server.url).connect();
    await expect(after.db('d').collection('c').countDocuments()).resolves.toBe(1);
    await using stream = after.db('d').collection('c').watch();
    // Opened by it: what is written before that is in no stream.
    await stream.tryNext();
    await until(async () => (await after.db('d').collection('c').insertOne({ a: 2 }, write)).acknowledged);
    await expect(stream.next()).resolves.toMatchObject({ operationType: 'insert' });
  });

  it('NATS, with JetStream', async () => {
    const server = await started(ownNats({ syncAlways: true }));
    const before = await connect({ servers: server.url });
    await (await jetstreamManager(before)).streams.add({ name: 'S', subjects: ['s.>'] });
    await jetstream(before).publish('s.a', 'kept');
    await before.close();
    await crash(server);
    const after = await connect({ servers: server.url });
    await expect((await jetstreamManager(after)).streams.info('S')).resolves.toMatchObject({
      state: { messages: 1 },
    });
    await after.close();
  });

  it('Redis, set up for queues', async () => {
    const server = await started(startRedis({ dir: testDirectory() }));
    const before = new Redis(server.url);
    await before.set('a', '1');
    await expect(before.config('GET', 'maxmemory-policy')).resolves.toContain('noeviction');
    await expect(before.config('GET', 'hz')).resolves.toContain('500');
    before.disconnect();
    await crash(server);
    const after = new Redis(server.url);
    await expect(after.get('a')).resolves.toBe('1');
    after.disconnect();
  });

  it('S3, with keys of its own that stay', async () => {
    const server = await started(startS3({ dir: testDirectory() }));
    const client = new Client({
      endPoint: '127.0.0.1',
      port: server.port,
      useSSL: false,
      accessKey: server.env['S3_ACCESS_KEY'] ?? '',
      secretKey: server.env['S3_SECRET_KEY'] ?? '',
    });
    await client.makeBucket('bucket');
    await client.putObject('bucket', 'o', 'kept');
    await crash(server);
    await expect(client.statObject('bucket', 'o')).resolves.toMatchObject({ size: 4 });
    await expect(client.listBuckets()).resolves.toHaveLength(1);
  });
});

it('MongoDB without a replica set is up too, for those who run one', async () => {
  const server = await started(startMongo({ dir: testDirectory(), replicaSet: false }));
  await using client = await new MongoClient(server.url).connect();
  const hello = await client.db('admin').command({ hello: 1 });
  expect(hello['setName']).toBeUndefined();
});

it('MongoDB becomes primary again when its data are started on another port', async () => {
  const dir = testDirectory();
  await (await startMongo({ dir })).stop();
  const server = await started(startMongo({ dir }));
  await using client = await new MongoClient(server.url, { serverSelectionTimeoutMS: 5_000 }).connect();
  await expect(client.db('d').collection('c').insertOne({})).resolves.toMatchObject({ acknowledged: true });
});

it('a paused server can be stopped', async () => {
  const server = await startNats({ dir: testDirectory() });
  server.kill('SIGSTOP');
  await server.stop();
  expect(server.pid).toBeUndefined();
});

it('an end that nobody asked for is told, and one that was asked for is not', async () => {
  const told: string[] = [];
  const server = await started(startRedis({ dir: testDirectory(), onExit: (how) => void told.push(how) }));
  await server.restart();
  expect(told).toEqual([]);
  process.kill(server.pid ?? 0, 'SIGKILL');
  await until(() => told.length > 0);
  expect(told).toEqual(['it was ended by SIGKILL']);
});

describe('a server that does not start', () => {
  it('fails with the end of its log', async () => {
    const dir = testDirectory();
    mkdirSync(dir, { recursive: true });
    const binary = join(dir, 'redis-server');
    writeFileSync(binary, '#!/bin/sh\necho "Bad directive in line 3"; exit 1\n', { mode: 0o755 });
    const attempt = startRedis({ dir, binary });
    await expect(attempt).rejects.toThrow(ServerStartFailed);
    await expect(attempt).rejects.toThrow(
      /it ended with code 1\nBad directive in line 3\nIts whole log: .*server\.log/,
    );
    expect(existsSync(join(dir, 'server.pid'))).toBe(false);
  });

  it('fails when the port that was asked for is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const dir = testDirectory();
    await expect(startRedis({ dir, port })).rejects.toThrow(`Redis`);
    expect(readFileSync(join(dir, 'server.log'), 'utf8')).toMatch(/in use/i);
    taken.close();
  });
});
