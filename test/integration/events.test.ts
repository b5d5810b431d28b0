import { jetstreamManager } from '@nats-io/jetstream';
import { Int32 } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import type { EventConsumer } from '../../producers/events/consumer.ts';
import { until } from '../support/poll.ts';
import { ownMongo, ownNats, type OwnServer } from './events-servers.ts';
import { consuming, eventWorld, settled, type EventWorld } from './events-world.ts';

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

describe('events become documents', () => {
  it('a created event becomes the contract’s document, within a second', async () => {
    await world.createStream();
    await running();
    const config = { name: 'n', $ref: '#/x', 'a.b': { $set: 1, __proto__: 2 }, list: [1, 'two', null] };
    await world.publish('created', 'b1', config);
    const document = await until(
      () => world.collections.bots.findOne({ id: 'b1' }, { promoteValues: false }),
      { timeoutMs: 1000 },
    );
    expect(document.segment_id).toEqual(new Int32(0));
    const plain = await world.collections.bots.findOne({ id: 'b1' }, { projection: { _id: 0 } });
    expect(plain).toEqual({
      id: 'b1',
      segment_id: 0,
      config,
      custom: {
        version: '1.0.0',
        filePath: 'u/a/1.0.0',
        createdAt: '2026-11-21T19:40:24.531Z',
        updatedAt: '2026-11-21T19:40:24.531Z',
        config: {
          name: 'a',
          type: 'realtime',
          runtime: 'python3.11',
          version: '1.0.0',
          entrypoints: { bot: 'main.py' },
        },
      },
    });
  });

  it('follows updates and deletes; deleted needs no custom', async () => {
    await world.createStream();
    await running();
    await world.publish('created', 'b1', { v: 1 });
    await world.publish('updated', 'b1', { v: 2 });
    await until(async () => ((await world.config('b1')) as { v?: number } | undefined)?.v === 2);
    await world.publish('deleted', 'b1');
    await until(async () => (await world.config('b1')) === undefined);
    expect(await world.collections.eventOrder.findOne({ _id: 'b1' })).toMatchObject({
      sequence: 3,
      deletedAt: expect.any(Date) as Date,
    });
  });

  it('an update is told in the bot’s story, once, without what its configuration holds', async () => {
    await world.createStream();
    const producer = await running();
    const { history, bots } = world.collections;
    await world.publish('created', 'b1', { apiKey: 'canary-1' });
    await world.publish('updated', 'b1', { apiKey: 'canary-2' });
    await until(() => settled(producer) === 2);
    await bots.updateOne({ id: 'b1' }, { $set: { 'custom.version': '0.9.0' } });
    const seen = Date.now();
    await world.publish('updated', 'b1', { apiKey: 'canary-2' });
    await world.publish('updated', 'b1', { apiKey: 'canary-2', enabled: false });
    await until(() => settled(producer) === 4);
    const entries = await history.find({ story: 'b1' }).sort({ at: 1 }).toArray();
    expect(entries.map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
      ['deploy', 'Its configuration was changed.', '1.0.0', '1.0.0'],
      ['deploy', 'Version 0.9.0 → 1.0.0 was deployed.', '0.9.0', '1.0.0'],
    ]);
    expect(Math.abs((entries[1]?.at.getTime() ?? 0) - seen)).toBeLessThan(10_000);
    expect(JSON.stringify(entries)).not.toContain('canary');
  });

  it('updated before created makes the bot, and the late created changes nothing', async () => {
    await world.createStream();
    const producer = await running();
    await world.publish('updated', 'b1', { v: 2 });
    await world.publish('created', 'b1', { v: 1 });
    await until(() => settled(producer) === 2);
    expect(await world.config('b1')).toEqual({ v: 2 });
  });

  it('leaves what the platform does not send alone: the root flag, the segment, the next time', async () => {
    await world.createStream();
    await world.collections.bots.insertOne({
      id: 'old',
      segment_id: 7,
      enabled: false,
      config: { v: 1 },
      custom: { version: '0.9.0' },
    });
    const producer = await running();
    await world.publish('created', 'old', { v: 5 });
    await until(() => settled(producer) === 1);
    expect(await world.collections.bots.findOne({ id: 'old' })).toMatchObject({
      segment_id: 7,
      enabled: false,
      config: { v: 1 },
    });
    await world.publish('updated', 'old', { v: 2 });
    await until(() => settled(producer) === 2);
    expect(await world.collections.bots.findOne({ id: 'old' })).toMatchObject({
      segment_id: 7,
      enabled: false,
      config: { v: 2 },
      custom: { version: '1.0.0' },
    });
  });

  it('an update that says nothing new, in another key order, does not touch the document', async () => {
    await world.createStream();
    const producer = await running();
    await world.publish('created', 'b1', { a: 1, b: { c: 1, d: 2 } });
    await until(() => settled(producer) === 1);
    const changes = world.collections.bots.watch();
    await changes.tryNext();
    await world.publish('updated', 'b1', { b: { d: 2, c: 1 }, a: 1 });
    await world.publish('updated', 'other', {});
    await until(() => settled(producer) === 3);
    const first = await changes.next();
    await changes.close();
    expect(first).toMatchObject({ operationType: 'insert', fullDocument: { id: 'other' } });
    expect(producer.stats.applied.unchanged).toBe(1);
  });

  it('an id that an old database holds twice is updated and deleted twice', async () => {
    await world.createStream();
    await world.collections.bots.dropIndexes();
    await world.collections.bots.insertMany([
      { id: 'd', config: { v: 1 } },
      { id: 'd', config: { v: 0 } },
    ]);
    const producer = await running();
    await world.publish('updated', 'd', { v: 2 });
    await until(() => settled(producer) === 1);
    expect((await world.collections.bots.find({ id: 'd' }).toArray()).map((bot) => bot.config)).toEqual([
      { v: 2 },
      { v: 2 },
    ]);
    await world.publish('deleted', 'd');
    await until(() => settled(producer) === 2);
    expect(await world.collections.bots.countDocuments({ id: 'd' })).toBe(0);
  });
});

describe('a backlog', () => {
  it('comes to its end without what a later event has made moot: no deleted bot, no earlier configuration', async () => {
    await world.createStream();
    const PAIRS = 300;
    for (let at = 0; at < PAIRS; at += 1) {
      await world.publish('created', `gone-${at}`, { at });
      await world.publish('deleted', `gone-${at}`);
    }
    await world.publish('created', 'kept', { v: 1 });
    for (const v of [2, 3]) await world.publish('updated', 'kept', { v });
    // Runs already, as the last of these has it.
    await world.collections.bots.insertOne({ id: 'adopted', config: { v: 3 }, custom: {} });
    for (const v of [1, 2, 3]) await world.publish('updated', 'adopted', { v });
    const seen = world.collections.bots.watch([], { fullDocument: 'updateLookup' });
    await seen.tryNext();
    const producer = await running();
    await until(() => settled(producer) === 2 * PAIRS + 6, { timeoutMs: 20_000 });
    await world.publish('created', 'last', {});
    const told: unknown[] = [];
    for await (const change of seen) {
      const { fullDocument } = change as unknown as { fullDocument?: { id: string; config: { v?: number } } };
      if (fullDocument?.id === 'last') break;
      told.push([fullDocument?.id, fullDocument?.config.v]);
    }
    await seen.close();
    expect(told.toSorted()).toEqual([
      ['adopted', 3],
      ['kept', 3],
    ]);
    expect(producer.stats.applied.stale).toBe(PAIRS + 4);
    expect(await world.collections.eventOrder.countDocuments({ deletedAt: { $type: 'date' } })).toBe(PAIRS);
  });

  it('leaves no consumer behind', async () => {
    await world.createStream();
    for (const v of [1, 2]) await world.publish('updated', 'b1', { v });
    const producer = await running();
    await until(() => settled(producer) === 2);
    const jsm = await jetstreamManager(await world.nats.connection());
    const names: string[] = [];
    for await (const { name } of jsm.consumers.list(EVENTS_STREAM)) names.push(name);
    expect(names).toHaveLength(1);
  });
});

describe('replays and recreated streams', () => {
  it('seven days replayed to a new durable end where they ended before', async () => {
    await world.createStream();
    const first = await running();
    for (const v of [1, 2, 3]) await world.publish(v === 1 ? 'created' : 'updated', 'kept', { v });
    await world.publish('created', 'gone', {});
    await world.publish('deleted', 'gone');
    await until(() => settled(first) === 5);
    await first.stop();
    const before = await world.collections.bots.find().toArray();
    const jsm = await jetstreamManager(await world.nats.connection());
    for await (const info of jsm.consumers.list(EVENTS_STREAM))
      await jsm.consumers.delete(EVENTS_STREAM, info.name);
    const second = await running();
    await until(() => settled(second) === 5);
    expect(await world.collections.bots.find().toArray()).toEqual(before);
    expect(second.stats.applied).toMatchObject({
      created: 0,
      updated: 0,
      deleted: 0,
      unchanged: 2,
      stale: 3,
    });
  });

  it('the durable deleted while running is made anew', async () => {
    await world.createStream();
    const producer = await running();
    await world.publish('created', 'b1');
    await until(() => settled(producer) === 1);
    const jsm = await jetstreamManager(await world.nats.connection());
    for await (const info of jsm.consumers.list(EVENTS_STREAM))
      await jsm.consumers.delete(EVENTS_STREAM, info.name);
    await world.publish('updated', 'b1', { v: 2 });
    await until(async () => ((await world.config('b1')) as { v?: number }).v === 2);
    expect(producer.stats.bindings).toBe(2);
  });

  it('a stream made anew while running counts from 1 again, and is newer all the same', async () => {
    await world.createStream();
    const producer = await running();
    for (let v = 1; v <= 5; v += 1) await world.publish('updated', 'b1', { v });
    await until(async () => ((await world.config('b1')) as { v?: number } | undefined)?.v === 5);
    await world.deleteStream();
    await world.createStream();
    expect(await world.publish('updated', 'b1', { v: 'new' })).toBe(1);
    await until(async () => ((await world.config('b1')) as { v?: unknown }).v === 'new');
    expect(producer.stats.applied.stale).toBe(0);
  });

  it('a deleted bot that a new stream creates again lives', async () => {
    await world.createStream();
    const producer = await running();
    await world.publish('created', 'b1', { v: 1 });
    await world.publish('deleted', 'b1');
    await until(() => settled(producer) === 2);
    await world.deleteStream();
    await world.createStream();
    await world.publish('created', 'b1', { v: 2 });
    await until(async () => (await world.config('b1')) !== undefined);
    expect(await world.collections.eventOrder.findOne({ _id: 'b1' })).not.toHaveProperty('deletedAt');
  });

  it('waits for a stream that appears later, and never makes one', async () => {
    const producer = world.producer();
    producer.start();
    await until(() => producer.stats.state === 'waiting-for-stream');
    await until(() => world.lines.some((line) => line.msg === 'the event stream is away'));
    const jsm = await jetstreamManager(await world.nats.connection());
    expect(await jsm.streams.names().next()).toEqual([]);
    await world.createStream();
    await world.publish('created', 'b1');
    await until(async () => (await world.config('b1')) !== undefined);
    expect(world.lines.filter((line) => line.msg === 'the event stream is away')).toHaveLength(1);
  });
});

describe('deliveries that never reached us', () => {
  it('are fetched again before anything newer is applied, long before their time-out', async () => {
    await world.createStream();
    const producer = await running();
    const jsm = await jetstreamManager(await world.nats.connection());
    const [info] = await jsm.consumers.list(EVENTS_STREAM).next();
    const thief = await jsm.jetstream().consumers.get(EVENTS_STREAM, info?.name ?? '');
    const stolen = await thief.fetch({ max_messages: 5, expires: 1000 });
    const taking = (async () => {
      let count = 0;
      for await (const _message of stolen) count += 1;
      return count;
    })();
    // Of these none is moot: one that came too late would be stale.
    for (let v = 1; v <= 40; v += 1) await world.publish('created', `b${v % 4}`, { v });
    await until(
      async () => (await world.collections.eventOrder.countDocuments({ sequence: { $gte: 37 } })) === 4,
      { timeoutMs: 5000 },
    );
    await taking;
    expect(producer.stats.applied.stale).toBe(0);
  });

  it('a dead producer’s unacknowledged events come to its heir at once and in order', async () => {
    await world.createStream();
    const first = await running();
    await first.stop();
    await world.publish('updated', 'b1', { v: 1 });
    for (let v = 2; v <= 3; v += 1) await world.publish('created', 'b1', { v });
    const jsm = await jetstreamManager(await world.nats.connection());
    const [info] = await jsm.consumers.list(EVENTS_STREAM).next();
    const dead = await jsm.jetstream().consumers.get(EVENTS_STREAM, info?.name ?? '');
    await dead.next();
    await dead.next();
    const heir = await running();
    await until(() => settled(heir) === 3, { timeoutMs: 3000 });
    expect(heir.stats.applied).toMatchObject({ created: 1, unchanged: 2, stale: 0 });
    expect(await world.config('b1')).toEqual({ v: 1 });
  });
});

describe('two producers at once', () => {
  it('only one reads; when it stops, the other goes on at once', async () => {
    await world.createStream();
    const first = await running();
    const second = world.producer();
    second.start();
    for (let v = 1; v <= 20; v += 1) await world.publish('updated', `b${v % 3}`, { v });
    await until(() => settled(first) === 20);
    expect(settled(second)).toBe(0);
    await first.stop();
    const stoppedAt = Date.now();
    await world.publish('updated', 'b0', { v: 21 });
    await until(() => settled(second) === 1);
    expect(Date.now() - stoppedAt).toBeLessThan(1500);
    expect(await world.config('b0')).toEqual({ v: 21 });
  });
});
