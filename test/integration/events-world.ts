import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { randomBytes } from 'node:crypto';
import { createLogger } from '../../infra/logger.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { connectNats, type NatsLink } from '../../infra/nats/connect.ts';
import { ensureEventsStream, EVENTS_STREAM, publishEvent } from '../../infra/nats/platform-stream.ts';
import { createEventConsumer, type EventConsumer } from '../../producers/events/consumer.ts';
import { BOT_EVENTS, type EventFamily } from '../../producers/events/family.ts';
import { until } from '../support/poll.ts';

export type LogLine = { level: string; msg: string } & Record<string, unknown>;

/** Everything the tests of events need, in databases of its own. */
export type EventWorld = AsyncDisposable & {
  mongo: MongoLink;
  nats: NatsLink;
  collections: Collections;
  lines: LogLine[];
  /** A producer on connections of its own. */
  producer(options?: { nats?: NatsLink; family?: EventFamily }): EventConsumer;
  createStream(): Promise<void>;
  deleteStream(): Promise<void>;
  publish(kind: 'created' | 'updated' | 'deleted', botId: string, config?: object): Promise<number>;
  publishRaw(subject: string, payload: Uint8Array | string): Promise<number>;
  config(botId: string): Promise<unknown>;
};

export const customOf = (version = '1.0.0'): object => ({
  config: {
    name: 'a',
    type: 'realtime',
    runtime: 'python3.11',
    version,
    entrypoints: { bot: 'main.py' },
    hasFrontend: false,
  },
  createdAt: '2026-11-21T19:40:24.531Z',
  updatedAt: '2026-11-21T19:40:24.531Z',
  filePath: `u/a/${version}`,
  version,
});

/** A producer of this world that has begun to consume. */
export async function consuming(world: EventWorld, family = BOT_EVENTS): Promise<EventConsumer> {
  const producer = world.producer({ family });
  producer.start();
  await until(() => producer.stats.state === 'consuming', { what: 'consuming' });
  return producer;
}

export async function eventWorld(urls: { mongo: string; nats: string }): Promise<EventWorld> {
  const suffix = randomBytes(4).toString('hex');
  const lines: LogLine[] = [];
  const log = createLogger({
    level: 'debug',
    service: 'test',
    destination: { write: (line) => void lines.push(JSON.parse(line) as LogLine) },
  });
  const mongo = connectMongo(urls.mongo, { appName: 'test', log });
  const nats = connectNats({ url: urls.nats, name: 'test', log });
  const own = collections(mongo.client, {
    bots: `bots_${suffix}`,
    schedules: `schedules_${suffix}`,
    runtime: `runtime_${suffix}`,
  });
  await ensureIndexes(own);
  const producers: EventConsumer[] = [];

  const world: EventWorld = {
    mongo,
    nats,
    collections: own,
    lines,
    producer(options = {}) {
      const producer = createEventConsumer({
        family: options.family ?? BOT_EVENTS,
        nats: options.nats ?? nats,
        mongo,
        collections: own,
        installation: `t-${suffix}`,
        owner: `producer-${producers.length}`,
        log,
        leaseTtlMs: 2000,
      });
      producers.push(producer);
      return producer;
    },
    async createStream() {
      await ensureEventsStream(await jetstreamManager(await nats.connection()));
    },
    async deleteStream() {
      const jsm = await jetstreamManager(await nats.connection());
      for await (const stream of jsm.streams.list()) {
        if (stream.config.name === EVENTS_STREAM) await jsm.streams.delete(EVENTS_STREAM);
      }
    },
    async publish(kind, botId, config = {}) {
      const payload = kind === 'deleted' ? { id: botId, config } : { id: botId, config, custom: customOf() };
      return (await publishEvent(jetstream(await nats.connection()), `the0.bot.${kind}`, payload)).sequence;
    },
    async publishRaw(subject, payload) {
      return (await jetstream(await nats.connection()).publish(subject, payload)).seq;
    },
    async config(botId) {
      return (await own.bots.findOne({ id: botId }))?.config;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(producers.map((producer) => producer.stop()));
      await nats.close();
      await mongo.close();
    },
  };
  return world;
}

/** All events published so far have been settled. */
export function settled(consumer: EventConsumer): number {
  const { applied, poison } = consumer.stats;
  return applied.created + applied.updated + applied.deleted + applied.unchanged + applied.stale + poison;
}
