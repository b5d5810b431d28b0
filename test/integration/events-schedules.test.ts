import { jetstreamManager } from '@nats-io/jetstream';
import { Long } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS_STREAM } from '../../infra/nats/platform-stream.ts';
import type { EventConsumer } from '../../producers/events/consumer.ts';
import { BOT_EVENTS, SCHEDULE_EVENTS } from '../../producers/events/family.ts';
import { until } from '../support/poll.ts';
import { ownMongo, ownNats, type OwnServer } from './events-servers.ts';
import { consuming, customOf, eventWorld, settled, type EventWorld } from './events-world.ts';

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
  await world.createStream();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const running = (): Promise<EventConsumer> => consuming(world, SCHEDULE_EVENTS);
const publish = (kind: 'created' | 'updated' | 'deleted', id: string, config = {}): Promise<number> =>
  world.publishRaw(
    `the0.bot-schedule.${kind}`,
    JSON.stringify(kind === 'deleted' ? { id, config } : { id, config, custom: customOf() }),
  );
const find = (id: string) => world.collections.schedules.findOne({ id }, { projection: { _id: 0 } });

describe('events of schedules', () => {
  it('are stored, updated and deleted as those of bots are, with an order and a tombstone of their own', async () => {
    const producer = await running();
    await publish('created', 's1', { schedule: '* * * * *', v: 1 });
    await until(() => settled(producer) === 1);
    expect(await find('s1')).toEqual({
      id: 's1',
      segment_id: 0,
      config: { schedule: '* * * * *', v: 1 },
      custom: expect.objectContaining({ version: '1.0.0', filePath: 'u/a/1.0.0' }) as object,
    });
    await publish('updated', 's1', { schedule: '5 * * * *', v: 2 });
    await until(() => settled(producer) === 2);
    expect((await find('s1'))?.config).toEqual({ schedule: '5 * * * *', v: 2 });
    await publish('deleted', 's1');
    await until(() => settled(producer) === 3);
    expect(await find('s1')).toBeNull();
    expect(await world.collections.scheduleEventOrder.findOne({ _id: 's1' })).toMatchObject({
      sequence: 3,
      deletedAt: expect.any(Date) as Date,
    });
    expect(await world.collections.eventOrder.countDocuments()).toBe(0);
  });

  it('never touch the next execution time, which is ours', async () => {
    const producer = await running();
    await publish('created', 's1', { schedule: '* * * * *' });
    await until(() => settled(producer) === 1);
    expect(await find('s1')).not.toHaveProperty('next_execution_time');
    const next_execution_time = Long.fromNumber(1_795_514_400) as unknown as number;
    await world.collections.schedules.updateOne({ id: 's1' }, { $set: { next_execution_time } });
    await publish('updated', 's1', { schedule: '5 * * * *', next_execution_time: 1 });
    await until(() => settled(producer) === 2);
    expect(await find('s1')).toMatchObject({ next_execution_time: 1_795_514_400 });
  });

  it('without a schedule are stored, so that the status can say what is wrong', async () => {
    const producer = await running();
    await publish('created', 's1', { name: 'forgot it' });
    await until(() => settled(producer) === 1);
    expect((await find('s1'))?.config).toEqual({ name: 'forgot it' });
    expect(producer.stats.poison).toBe(0);
  });

  it('that cannot be understood are kept as poison', async () => {
    const producer = await running();
    await world.publishRaw('the0.bot-schedule.created', '{');
    await until(() => settled(producer) === 1);
    expect(await world.collections.poison.findOne({})).toMatchObject({
      subject: 'the0.bot-schedule.created',
    });
  });

  it('and those of bots are consumed side by side, each only its own', async () => {
    const [schedules, bots] = [await running(), await consuming(world, BOT_EVENTS)];
    await publish('created', 'same', { of: 'schedules' });
    await world.publish('created', 'same', { of: 'bots' });
    await publish('updated', 'same', { of: 'schedules', v: 2 });
    await world.publish('deleted', 'same');
    await until(() => settled(schedules) === 2 && settled(bots) === 2);
    expect((await find('same'))?.config).toEqual({ of: 'schedules', v: 2 });
    expect(await world.collections.bots.countDocuments()).toBe(0);
    expect(schedules.stats.applied).toMatchObject({ created: 1, updated: 1, deleted: 0 });
    expect(bots.stats.applied).toMatchObject({ created: 1, updated: 0, deleted: 1 });
    const leases = await world.collections.leases.find().toArray();
    expect(leases.map(({ _id }) => _id.split(':').at(-1)).toSorted()).toEqual(['bots', 'schedules']);
    const jsm = await jetstreamManager(await world.nats.connection());
    const filters: (string | undefined)[] = [];
    for await (const { config } of jsm.consumers.list(EVENTS_STREAM)) filters.push(config.filter_subject);
    expect(filters.toSorted()).toEqual(['the0.bot-schedule.*', 'the0.bot.*']);
  });

  it('of a stream that was made anew are newer than all before', async () => {
    const producer = await running();
    await publish('created', 's1', { v: 1 });
    await publish('updated', 's1', { v: 2 });
    await until(() => settled(producer) === 2);
    await world.deleteStream();
    await world.createStream();
    await publish('updated', 's1', { v: 3 });
    await until(async () => ((await find('s1'))?.config?.['v'] as number) === 3, { timeoutMs: 15_000 });
    expect(producer.stats.applied.stale).toBe(0);
  });
});
