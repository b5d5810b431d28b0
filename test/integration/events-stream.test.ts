import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureEventsStream, EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import type { EventConsumer } from '../../producers/events/consumer.ts';
import { until } from '../support/poll.ts';
import { ownMongo, ownNats, type OwnServer } from './events-servers.ts';
import { customOf, consuming, eventWorld, type EventWorld } from './events-world.ts';

let mongo: OwnServer;
let nats: OwnServer;
let world: EventWorld;

beforeAll(async () => {
  [mongo, nats] = await Promise.all([ownMongo(), ownNats()]);
}, 60_000);
afterAll(async () => {
  await Promise.all([mongo?.dispose(), nats?.dispose()]);
});
beforeEach(async () => {
  world = await eventWorld({ mongo: mongo.url, nats: nats.url });
  await world.deleteStream();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const running = (): Promise<EventConsumer> => consuming(world);

describe('the platform’s stream', () => {
  it('is created as the contract has it, and never touched where it exists', async () => {
    const jsm = await jetstreamManager(await world.nats.connection());
    await expect(ensureEventsStream(jsm)).resolves.toBe('created');
    const { config } = await jsm.streams.info(EVENTS_STREAM);
    expect(config).toMatchObject({
      retention: 'limits',
      storage: 'file',
      max_age: 7 * 24 * 3600 * 1e9,
      num_replicas: 1,
    });
    expect(config.subjects).toHaveLength(6);
    await jsm.streams.update(EVENTS_STREAM, { description: 'theirs' });
    await expect(ensureEventsStream(jsm)).resolves.toBe('exists');
    expect((await jsm.streams.info(EVENTS_STREAM)).config.description).toBe('theirs');
  });

  it('is not created over another that holds its subjects: the message names it', async () => {
    const jsm = await jetstreamManager(await world.nats.connection());
    await jsm.streams.add({ name: 'INTRUDER', subjects: ['the0.bot.>'] });
    try {
      await expect(ensureEventsStream(jsm)).rejects.toThrow(/overlap the stream INTRUDER/);
    } finally {
      await jsm.streams.delete('INTRUDER');
    }
  });

  it('is missed by name when an event finds no stream', async () => {
    await expect(world.publish('created', 'b1')).rejects.toThrow(
      /the0.bot.created was not stored: no stream takes it/,
    );
  });
});

describe('poison', () => {
  it('is kept with its reason, terminated, counted, and holds nothing up', async () => {
    await world.createStream();
    const producer = await running();
    await world.publishRaw('the0.bot.created', '{"id":');
    await world.publishRaw(
      'the0.bot.updated',
      JSON.stringify({ id: '../x', config: {}, custom: customOf() }),
    );
    await world.publishRaw('the0.bot.created', new Uint8Array([0xff, 0x00]));
    await world.publish('created', 'fine');
    await until(async () => (await world.config('fine')) !== undefined);
    await until(() => producer.stats.poison === 3);
    const kept = await world.collections.poison.find().sort({ sequence: 1 }).toArray();
    expect(kept.map(({ sequence, reason, subject }) => ({ sequence, reason, subject }))).toEqual([
      { sequence: 1, subject: 'the0.bot.created', reason: 'message is not JSON' },
      {
        sequence: 2,
        subject: 'the0.bot.updated',
        reason: expect.stringContaining('may hold only') as string,
      },
      { sequence: 3, subject: 'the0.bot.created', reason: 'message is not UTF-8' },
    ]);
    await ackedAll(4);
  });

  it('what MongoDB will never store is poison too, not an endless retry', async () => {
    await world.createStream();
    await world.mongo.client
      .db(world.collections.bots.dbName)
      .command({ collMod: 'bots', validator: { 'config.v': { $ne: 13 } } });
    const producer = await running();
    await world.publish('created', 'b1', { v: 13 });
    await until(() => producer.stats.poison === 1);
    expect(await world.collections.poison.findOne()).toMatchObject({
      reason: expect.stringContaining('validator') as string,
    });
    expect(producer.stats.retries).toBe(0);
  });

  it('so is what MongoDB refuses again and again, for whatever reason: the next event is not held up', async () => {
    await world.createStream();
    await world.collections.bots.createIndex({ 'config.account': 1 }, { unique: true });
    const producer = await running();
    await world.publish('created', 'first', { account: 'a' });
    await until(async () => (await world.config('first')) !== undefined);
    await world.publish('created', 'second', { account: 'a' });
    await world.publish('created', 'third', { account: 'b' });
    await until(() => producer.stats.poison === 1, { timeoutMs: 30_000 });
    expect(await world.config('third')).toBeDefined();
    expect(await world.collections.poison.findOne()).toMatchObject({
      sequence: 2,
      reason: expect.stringMatching(/^MongoDB refuses it again and again: .*duplicate key/) as string,
    });
  }, 40_000);
});

async function ackedAll(sequence: number): Promise<void> {
  const jsm = await jetstreamManager(await world.nats.connection());
  await until(async () => {
    const [info] = await jsm.consumers.list(EVENTS_STREAM).next();
    return (
      info?.config.ack_policy === AckPolicy.Explicit &&
      info.ack_floor.stream_seq === sequence &&
      info.num_ack_pending === 0
    );
  });
}
