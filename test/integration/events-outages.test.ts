import { jetstreamManager } from '@nats-io/jetstream';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectNats } from '../../infra/nats/connect.ts';
import { createLogger } from '../../infra/logger.ts';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import { applyEvent, type EventStore } from '../../producers/events/apply.ts';
import { until } from '../support/poll.ts';
import { natsVersions, ownMongo, ownNats, type OwnServer } from './events-servers.ts';
import { customOf, eventWorld, settled, type EventWorld } from './events-world.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const versions = await natsVersions();
let mongo: OwnServer;
beforeAll(async () => {
  mongo = await ownMongo();
}, 120_000);
afterAll(async () => {
  await mongo?.dispose();
});

describe.each(versions)('with NATS $version', ({ binary }) => {
  let nats: OwnServer;
  let world: EventWorld;
  beforeEach(async () => {
    nats = await ownNats({ binary });
    world = await eventWorld({ mongo: mongo.url, nats: nats.url });
  }, 30_000);
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
    await nats.dispose();
  }, 30_000);

  const consuming = async (): Promise<ReturnType<EventWorld['producer']>> => {
    const producer = world.producer();
    producer.start();
    await until(() => producer.stats.state === 'consuming', { timeoutMs: 15_000 });
    return producer;
  };
  const valueOf = async (botId: string): Promise<unknown> =>
    ((await world.config(botId)) as { v?: unknown } | undefined)?.v;

  it('created, updated, deleted and poison go their ways', async () => {
    await world.createStream();
    const producer = await consuming();
    await world.publish('created', 'a', { v: 1 });
    await world.publish('created', 'b', { v: 1 });
    await world.publish('updated', 'a', { v: 2 });
    await world.publish('deleted', 'b');
    await world.publishRaw('the0.bot.updated', 'nonsense');
    await world.publishRaw('the0.bot-schedule.created', '{"id":"not-mine"}');
    await until(() => settled(producer) === 5);
    expect(await valueOf('a')).toBe(2);
    expect(await world.collections.bots.countDocuments()).toBe(1);
    expect(producer.stats.poison).toBe(1);
  });

  it('NATS away at start: consumes once it is there', async () => {
    await world.createStream();
    await world.publish('created', 'a', { v: 1 });
    await nats.stop();
    const late = connectNats({ url: nats.url, name: 'late', log });
    const producer = world.producer({ nats: late });
    producer.start();
    await until(() => producer.stats.state === 'waiting-for-nats');
    await nats.restart();
    await until(async () => (await valueOf('a')) === 1);
    await producer.stop();
    await late.close();
  });

  it('NATS away later: goes on where it was, with one log line', async () => {
    await world.createStream();
    const producer = await consuming();
    await world.publish('created', 'a', { v: 1 });
    await until(async () => (await valueOf('a')) === 1);
    nats.kill('SIGKILL');
    await until(() => !world.nats.connected);
    await sleep(3000);
    await nats.restart();
    await until(() => world.nats.connected);
    // What NATS had not noted as settled comes again. Beside a newer event it would be moot, and rightly counted as stale.
    await until(() => producer.stats.bindings > 1 && producer.stats.state === 'consuming');
    await world.publish('updated', 'a', { v: 2 });
    await until(async () => (await valueOf('a')) === 2, { timeoutMs: 15_000 });
    expect(world.lines.filter((line) => line.msg === 'NATS is away')).toHaveLength(1);
    expect(producer.stats.applied.stale).toBe(0);
  });

  it('NATS comes back empty: the stream made anew counts from 1 and wins', async () => {
    await world.createStream();
    const producer = await consuming();
    for (let v = 1; v <= 4; v += 1) await world.publish('updated', 'a', { v });
    await until(() => settled(producer) === 4);
    await nats.stop();
    await rm(nats.dataDir, { recursive: true });
    await nats.restart();
    await until(() => world.nats.connected);
    await world.createStream();
    expect(await world.publish('updated', 'a', { v: 'anew' })).toBe(1);
    await until(async () => (await valueOf('a')) === 'anew', { timeoutMs: 15_000 });
    expect(producer.stats.applied.stale).toBe(0);
  });

  it('an event written but not acknowledged, because we crashed between, comes again and changes nothing', async () => {
    await world.createStream();
    const sequence = await world.publish('created', 'a', { v: 1 });
    const jsm = await jetstreamManager(await world.nats.connection());
    const streamCreatedAt = new Date((await jsm.streams.info(EVENTS_STREAM)).created);
    const { bots, eventOrder, wishTraces } = world.collections;
    const store: EventStore = {
      documents: bots,
      eventOrder,
      wishTraces,
      withSession: (work) => world.mongo.client.withSession(work),
    };
    await applyEvent(
      store,
      { kind: 'created', botId: 'a', config: { v: 1 }, custom: customOf() },
      { streamCreatedAt, sequence },
    );
    const before = await bots.find().toArray();
    const producer = await consuming();
    await until(() => settled(producer) === 1);
    expect(producer.stats.applied).toMatchObject({ unchanged: 1, stale: 0 });
    expect(await bots.find().toArray()).toEqual(before);
  });
});

describe('MongoDB killed mid-way', () => {
  it('loses nothing, doubles nothing, and each bot ends with its last event', async () => {
    const nats = await ownNats();
    const world = await eventWorld({ mongo: mongo.url, nats: nats.url });
    try {
      await world.createStream();
      const producer = world.producer();
      producer.start();
      await until(() => producer.stats.state === 'consuming');
      for (let v = 1; v <= 400; v += 1) {
        await world.publish(v <= 20 ? 'created' : 'updated', `b${v % 20}`, { v });
        if (v === 150) mongo.kill('SIGKILL');
        if (v === 300) await mongo.restart();
      }
      await world.publish('deleted', 'b0');
      await until(() => producer.stats.pending === 0 && producer.stats.state === 'consuming', {
        timeoutMs: 30_000,
      });
      const expected = Array.from({ length: 19 }, (_, i) => ({ id: `b${i + 1}`, v: 381 + i })).sort((x, y) =>
        x.id < y.id ? -1 : 1,
      );
      // Delivered is not yet applied, and bots are applied side by side, so that none of them is the last.
      await until(
        async () => {
          const documents = await world.collections.bots.find().sort({ id: 1 }).toArray();
          expect(documents.map(({ id, config }) => ({ id, v: config?.['v'] }))).toEqual(expected);
          return true;
        },
        { timeoutMs: 30_000 },
      );
    } finally {
      await world[Symbol.asyncDispose]();
      await nats.dispose();
    }
  }, 60_000);
});

describe('a standalone MongoDB, which has no transactions', () => {
  it('works as well, and a crash between the two writes heals by redelivery', async () => {
    const standalone = await ownMongo({ replicaSet: false });
    const nats = await ownNats();
    const world = await eventWorld({ mongo: standalone.url, nats: nats.url });
    try {
      await world.createStream();
      const sequence = await world.publish('updated', 'a', { v: 1 });
      const jsm = await jetstreamManager(await world.nats.connection());
      const streamCreatedAt = new Date((await jsm.streams.info(EVENTS_STREAM)).created);
      // The first write alone, as a crash leaves it.
      await world.collections.eventOrder.insertOne({ _id: 'a', streamCreatedAt, sequence });
      const producer = world.producer();
      producer.start();
      await until(async () => ((await world.config('a')) as { v?: number } | undefined)?.v === 1);
      await world.publish('deleted', 'a');
      await until(async () => (await world.config('a')) === undefined);
      // Without transactions the document goes before the event is settled.
      await until(() => settled(producer) === 2);
      expect(producer.stats.applied).toMatchObject({ created: 1, deleted: 1 });
    } finally {
      await world[Symbol.asyncDispose]();
      await nats.dispose();
      await standalone.dispose();
    }
  }, 60_000);
});
