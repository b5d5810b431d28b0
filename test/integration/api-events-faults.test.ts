import { afterAll, beforeAll, expect, it } from 'vitest';
import { MongoClient } from 'mongodb';
import { EventService, type StreamEventsResponse } from '../../proto/gen/the0/runtime/v1/events_pb.js';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { EventHub } from '../../producers/control/events/hub.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { botDocument } from '../support/bots.ts';
import { startTestDashboard } from '../support/dashboard.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { ownMongo } from './events-servers.ts';

/** Who puts events on record, and what a stream of them says while MongoDB is away. */
const servers = testServers();
let mongo: FaultProxy;
let api: InProcessApi;

beforeAll(async () => {
  mongo = await FaultProxy.start(Number(new URL(servers.mongoUri).port));
  api = await startInProcessApi({
    ...servers.environment,
    MONGO_URI: `mongodb://127.0.0.1:${mongo.port}/?directConnection=true`,
  });
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await mongo?.[Symbol.asyncDispose]();
});

it('wherever the API is, what happens is put on record, by one of several', async () => {
  await using one = await startTestDashboard(servers.environment);
  await using other = await startTestDashboard(servers.environment);
  const { status, history } = other.connections.collections;
  await until(() => one.connections.collections.leases.findOne({ _id: `${servers.installation}:history` }));
  let phase = 'starting';
  await until(async () => {
    phase = phase === 'starting' ? 'running' : 'starting';
    await status.updateOne({ _id: 'bot' }, { $set: { phase } as never }, { upsert: true });
    return (await history.countDocuments({ id: 'bot' })) > 1;
  });
  const entries = await history.find({ id: 'bot' }).sort({ _id: 1 }).toArray();
  // Each goes on from where the one before left it.
  entries.slice(1).forEach(({ before }, at) => expect(before).toBe(entries[at]?.after));
});

it('a stream says that MongoDB is away, and goes on from its position', async () => {
  const events = api.client(EventService);
  const follow = (after = '') => {
    const answers: StreamEventsResponse[] = [];
    const leave = new AbortController();
    const done = (async () => {
      for await (const answer of events.streamEvents({ after }, { signal: leave.signal }))
        answers.push(answer);
    })();
    done.catch(() => undefined);
    return { answers, leave, done };
  };
  const cut = follow();
  await until(() => cut.answers.length > 0);
  mongo.cut();
  expect(await refusalOf(cut.done)).toMatchObject({ status: 'Unavailable', dependency: 'mongodb' });
  // Not through the proxy: something happens meanwhile.
  await using elsewhere = await MongoClient.connect(servers.mongoUri);
  await elsewhere
    .db(servers.databases.runtime)
    .collection<{ _id: string; phase: string }>('bot_status')
    .insertOne({ _id: 'meanwhile', phase: 'starting' });
  mongo.heal();
  const again = await until(async () => {
    const reader = follow(cut.answers.at(-1)?.position);
    await Promise.race([reader.done.catch(() => undefined), until(() => reader.answers.length > 0)]);
    return reader.answers.length > 0 ? reader : undefined;
  });
  await until(() => again.answers.some(({ event }) => event?.id === 'meanwhile'));
  again.leave.abort();
});

it('misses no change of a bot’s document while the stream of those is only being opened', async () => {
  await using client = await MongoClient.connect(servers.mongoUri);
  const stores = collections(client, servers.databases);
  const opening = Promise.withResolvers<void>();
  const watch = stores.bots.watch.bind(stores.bots);
  stores.bots.watch = ((...args: Parameters<typeof watch>) => {
    const stream = watch(...args);
    const tryNext = stream.tryNext.bind(stream);
    stream.tryNext = () => opening.promise.then(tryNext);
    return stream;
  }) as typeof watch;
  const hub = new EventHub({
    database: client.db(servers.databases.runtime),
    stores,
    operator: scheduleOperator(api.connections.settings),
    gatherMs: 1,
  });
  const bot = botDocument('changed-at-once', { filePath: 'o/b/1' });
  using seat = await hub.enter();
  await stores.bots.insertOne(bot);
  opening.resolve();
  const { signal } = new AbortController();
  await until(async () =>
    (await seat.hub.next(seat.from, signal, 100)).some(({ event }) => event.id === bot.id),
  );
});

it('a standalone MongoDB has no stream, which is said', async () => {
  const standalone = await ownMongo({ replicaSet: false });
  try {
    await using client = await MongoClient.connect(standalone.url);
    const hub = new EventHub({
      database: client.db(servers.databases.runtime),
      stores: collections(client, servers.databases),
      operator: scheduleOperator(api.connections.settings),
    });
    await expect(hub.enter()).rejects.toMatchObject({
      refusal: 'precondition',
      code: 'no_change_streams',
    });
  } finally {
    await standalone.dispose();
  }
});
