import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { NEW_PRIMARY } from '../../infra/mongo/new-primary.ts';
import { botDocument, newBotId } from '../support/bots.ts';
import { ownServers, servedEngine, type OwnServers, type ServedEngine } from '../support/chaos-servers.ts';
import { openWorld, untilWell, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { startMongo } from '../../infra/local/mongo.ts';
import { testDirectory } from '../support/servers.ts';

/** So long that nothing but the change stream can have followed a wish. */
const NO_RESYNC = { RECONCILE_INTERVAL: '10m' };

let own: OwnServers;
let fake: ServedEngine;

beforeAll(async () => {
  own = await ownServers('mongo', 'redis');
  fake = await servedEngine(own.servers.installation);
});
afterAll(async () => {
  expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
  await fake[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
});

const open = (): Promise<World> =>
  openWorld({ servers: own.servers, engine: fake.engine, engineUrl: fake.url, environment: NO_RESYNC });
const document = (world: World, id = newBotId()) => botDocument(id, { filePath: world.filePath });

it('a MongoDB that was killed and came back, and a collection that was dropped and made anew, are followed as before', async () => {
  await using world = await open();
  const { bots } = world.collections;
  const runner = await world.spawn('bot-runner');
  await bots.insertMany([document(world), document(world)]);
  await untilWell(world, { timeoutMs: 15_000 });

  own.running.mongo.kill('SIGKILL');
  await until(async () => (await runner.readyz()).code === 503, { timeoutMs: 10_000 });
  await own.running.mongo.restart();
  await bots.insertOne(document(world));
  await untilWell(world, { timeoutMs: 20_000 });
  await until(async () => (await runner.readyz()).code === 200, { timeoutMs: 10_000 });

  await bots.drop();
  await untilWell(world, { timeoutMs: 15_000 });
  await bots.insertOne(document(world));
  await untilWell(world, { timeoutMs: 15_000 });
  const last = document(world);
  await bots.insertOne(last);
  await untilWell(world, { timeoutMs: 5_000 });
}, 100_000);

it('a primary that steps down and is elected again leads to a look at everything', async () => {
  await using world = await open();
  const runner = await world.spawn('bot-runner');
  await world.collections.bots.insertOne(document(world));
  await untilWell(world, { timeoutMs: 15_000 });
  const admin = await MongoClient.connect(own.servers.mongoUri, { directConnection: true });
  try {
    await Promise.all([
      // Listened for before: alone in its set, it may be elected again before it has answered.
      runner.line((line) => line.includes(NEW_PRIMARY) && line.includes('Looked at every bot'), 30_000),
      admin.db('admin').command({ replSetStepDown: 1, force: true }),
    ]);
  } finally {
    await admin.close();
  }
  await world.collections.bots.insertOne(document(world));
  await untilWell(world, { timeoutMs: 15_000 });
}, 90_000);

it.each([
  ['is older than the server’s history', (token: string) => token.replace(/^82.{16}/, '820000000100000001')],
  ['is garbage', () => '82ffff'],
  ['is of another kind', () => 42],
])(
  'a stored position that %s leads to a look at everything',
  async (_what, spoil) => {
    const { bots, resumeTokens } = await storedPosition(spoil);
    await using world = await open();
    const id = newBotId();
    await bots(world).insertOne(document(world, id));
    await world.spawn('bot-runner');
    await untilWell(world, { timeoutMs: 20_000 });
    // The stream itself works again, and its new position is kept.
    await bots(world).insertOne(document(world));
    await untilWell(world, { timeoutMs: 5_000 });
    await until(async () => typeof (await resumeTokens(world).findOne({ _id: 'bots' }))?.token === 'object', {
      timeoutMs: 10_000,
    });
  },
  60_000,
);

async function storedPosition(spoil: (token: string) => unknown) {
  await using world = await open();
  const tokens = world.collections.resumeTokens;
  const runner = await world.spawn('bot-runner');
  const stored = await until(
    async () => (await tokens.findOne({ _id: 'bots' }))?.token as { _data: string } | undefined,
    { timeoutMs: 15_000 },
  );
  runner.kill('SIGTERM');
  await runner.ended;
  await tokens.updateOne({ _id: 'bots' }, { $set: { token: { _data: spoil(stored._data) } } });
  return { bots: (w: World) => w.collections.bots, resumeTokens: (w: World) => w.collections.resumeTokens };
}

it('a standalone MongoDB is polled, and /readyz says that this is less than it should be', async () => {
  await using mongo = await startMongo({ dir: testDirectory(), replicaSet: false });
  const servers = {
    ...own.servers,
    mongoUri: mongo.url,
    environment: { ...own.servers.environment, MONGO_URI: mongo.url },
  };
  await using world = await openWorld({
    servers,
    engine: fake.engine,
    engineUrl: fake.url,
    environment: NO_RESYNC,
  });
  const runner = await world.spawn('bot-runner');
  const bot = document(world);
  await until(async () => (await runner.readyz()).text.includes('polled'), { timeoutMs: 10_000 });
  expect(await runner.readyz()).toMatchObject({
    code: 200,
    text: expect.stringMatching(/^degraded: .*standalone/) as string,
  });
  await world.collections.bots.insertOne(bot);
  await untilWell(world, { timeoutMs: 10_000 });
  await world.collections.bots.updateOne({ id: bot.id }, { $set: { 'config.enabled': false } });
  await untilWell(world, { timeoutMs: 10_000 });
}, 60_000);
