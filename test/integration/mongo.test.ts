import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Document } from 'mongodb';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { INDEXED_QUERIES } from '../../infra/mongo/indexed-queries.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { until } from '../support/poll.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';

type Line = { msg: string; level: string };
let server: OwnServer;
let link: MongoLink;
let lines: Line[];
let own: Collections;

beforeAll(async () => {
  server = await ownMongo();
});
afterAll(async () => {
  await server?.dispose();
});
beforeEach(() => {
  lines = [];
  link = connectMongo(server.url, { appName: 'test', log: logger() });
  own = databasesOf(link);
});
afterEach(async () => {
  await link.close();
});

function databasesOf({ client }: MongoLink): Collections {
  const suffix = randomBytes(4).toString('hex');
  return collections(client, {
    bots: `bots_${suffix}`,
    schedules: `schedules_${suffix}`,
    runtime: `runtime_${suffix}`,
  });
}

const logger = (): ReturnType<typeof createLogger> =>
  createLogger({
    level: 'debug',
    service: 'test',
    destination: { write: (line) => void lines.push(JSON.parse(line) as Line) },
  });

describe('indexes serve', () => {
  let open: MongoLink;
  let indexed: Collections;

  beforeAll(async () => {
    open = connectMongo(server.url, {
      appName: 'test',
      log: createLogger({ level: 'silent', service: 'test' }),
    });
    indexed = databasesOf(open);
    await ensureIndexes(indexed);
    // A collection that does not exist yet has no plan to explain.
    for (const name of new Set(INDEXED_QUERIES.map((query) => query.collection)))
      await indexed[name].insertOne({ _id: 'seed' } as never);
  });
  afterAll(() => open?.close());

  it.each(INDEXED_QUERIES.map((query) => [`${query.collection}: ${query.purpose}`, query] as const))(
    '%s',
    async (_name, query) => {
      const cursor = indexed[query.collection].find(query.filter as never);
      const plan = await (query.sort === undefined ? cursor : cursor.sort(query.sort)).explain(
        'queryPlanner',
      );
      const stages = stagesOf((plan['queryPlanner'] as Document)['winningPlan'] as Document);
      expect(stages).not.toContain('COLLSCAN');
      expect(stages).not.toContain('SORT');
      expect(stages.some((stage) => ['IXSCAN', 'IDHACK'].includes(stage))).toBe(true);
    },
  );
});

describe('indexes', () => {
  it('can be ensured again, and by several processes at once', async () => {
    expect(await Promise.all([ensureIndexes(own), ensureIndexes(own), ensureIndexes(own)])).toEqual([
      [],
      [],
      [],
    ]);
    expect(await ensureIndexes(own)).toEqual([]);
  });

  it('an id in two documents of an old database is reported, stops nothing, and once mended the index is unique', async () => {
    await own.bots.insertMany([{ id: 'twice' }, { id: 'twice' }, { id: 'once' }]);
    const first = await ensureIndexes(own);
    expect(first).toEqual([
      expect.objectContaining({ collection: own.bots.namespace, doubledIds: ['twice'] }),
    ]);
    expect(first[0]?.reason).toContain('twice');
    expect(await ensureIndexes(own)).toEqual(first);
    const plan = await own.bots.find({ id: 'twice' }).explain('queryPlanner');
    expect(stagesOf((plan['queryPlanner'] as Document)['winningPlan'] as Document)).toContain('IXSCAN');

    await own.bots.deleteOne({ id: 'twice' });
    expect(await ensureIndexes(own)).toEqual([]);
    await expect(own.bots.insertOne({ id: 'once' })).rejects.toThrow(/duplicate key/);
    expect((await own.bots.indexes()).filter((index) => Object.keys(index.key).includes('id'))).toHaveLength(
      1,
    );
  });

  it('somebody else’s index in the same place is reported and left alone', async () => {
    await own.bots.createIndex({ id: 1 }, { name: 'theirs' });
    await own.codeVolumes.createIndex({ keys: 1 }, { name: 'theirs', sparse: true });
    const problems = await ensureIndexes(own);
    const names = (await own.bots.indexes()).map((index) => index.name);
    expect(names).toContain('theirs');
    expect(problems.every((problem) => problem.reason.length > 0)).toBe(true);
    await expect(ensureIndexes(own)).resolves.toEqual(problems);
  });

  it('are created as soon as MongoDB is there', async () => {
    const stopping = new AbortController();
    await server.stop();
    const retry = { everyMs: 100, signal: stopping.signal, log: logger() };
    const kept = untilSucceeds('MongoDB', () => ensureIndexes(own), retry);
    await sleep(200);
    await server.restart();
    await kept;
    expect((await own.bots.indexes()).some((index) => index.unique === true)).toBe(true);
  });
});

describe('the connection', () => {
  it('knows its server, answers a ping, and says so once when it goes and once when it is back', async () => {
    await until(() => link.connected);
    await expect(link.topology()).resolves.toEqual({
      kind: 'replicaSet',
      changeStreams: true,
      transactions: true,
    });
    await expect(link.ping()).resolves.toBeUndefined();
    server.kill('SIGKILL');
    await until(() => !link.connected);
    const askedAt = Date.now();
    await expect(link.ping(1000)).rejects.toThrow();
    expect(Date.now() - askedAt).toBeLessThan(1500);
    await expect(own.bots.findOne({ id: 'x' })).rejects.toThrow();
    expect(Date.now() - askedAt).toBeLessThan(8000);
    await server.restart();
    await until(() => link.connected);
    await expect(link.ping()).resolves.toBeUndefined();
    expect(lines.filter((line) => line.msg === 'MongoDB is away')).toHaveLength(1);
    expect(lines.filter((line) => line.msg === 'MongoDB is back')).toHaveLength(1);
  });

  it('works once the server appears, with one line in the log meanwhile', async () => {
    await server.stop();
    lines = [];
    await using late = connectMongo(server.url, { appName: 'late', log: logger() });
    await expect(late.ping(300)).rejects.toThrow();
    await sleep(5000);
    await server.restart();
    await until(() => late.connected, { timeoutMs: 15_000 });
    await expect(late.topology()).resolves.toMatchObject({ kind: 'replicaSet' });
    const own = lines.filter((line) => line.msg === 'MongoDB is away');
    expect(own.length).toBeLessThanOrEqual(2);
    expect(own.length).toBeGreaterThanOrEqual(1);
  });

  it('closes at once while the server is away', async () => {
    const lost = connectMongo('mongodb://127.0.0.1:1/', { appName: 'lost', log: logger() });
    await sleep(100);
    const closedAt = Date.now();
    await lost.close();
    expect(Date.now() - closedAt).toBeLessThan(4000);
  });

  it('a standalone server is known for one, without transactions and change streams', async () => {
    const standalone = await ownMongo({ replicaSet: false });
    const lone = connectMongo(standalone.url, { appName: 'lone', log: logger() });
    await expect(lone.topology()).resolves.toEqual({
      kind: 'standalone',
      changeStreams: false,
      transactions: false,
    });
    await lone.close();
    await standalone.dispose();
  });
});

function stagesOf(plan: Document): string[] {
  const inner = (plan['inputStages'] as Document[] | undefined) ?? [
    plan['inputStage'] as Document | undefined,
  ];
  const children = [...inner, plan['queryPlan'] as Document | undefined].filter(
    (child) => child !== undefined,
  );
  return [String(plan['stage']), ...children.flatMap(stagesOf)];
}
