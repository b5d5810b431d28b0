import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import { FlushAsker } from '../../producers/live-logs/flush-asker.ts';
import type { EnqueueData } from '../../queues/data-queues.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { log, openStores, POLICY, runBot, startFollower } from './live-logs-world.ts';

const START = Date.parse('2026-11-24T12:00:00Z');
const servers = testServers();
let mongo: MongoLink;
let own: Collections;
let botId: string;
let count = 0;

beforeAll(async () => {
  ({ mongo, collections: own } = await openStores(servers));
});
afterAll(() => mongo.close());
beforeEach(() => {
  botId = newBotId();
});

/** How the log-flush job leaves a bot's log. */
const saved = (bytes: number, flushedMs: number, id = botId) =>
  own.botLogs.updateOne(
    { _id: id },
    { $set: { day: '20261124', bytes, flushedAt: new Date(flushedMs), droppedBytes: 0 } },
    { upsert: true },
  );

describe('saves are asked for', () => {
  let now: number;
  let asked: EnqueueData[];
  let redisAway: boolean;
  let asker: FlushAsker;

  beforeEach(() => {
    now = START;
    asked = [];
    redisAway = false;
    asker = new FlushAsker({
      botLogs: own.botLogs,
      queues: {
        add: async (items) => {
          if (redisAway) throw new Error('Redis is away');
          asked.push(...items);
        },
      },
      policy: POLICY,
      now: () => now,
      log,
    });
  });

  const passes = async (ms: number) => {
    for (const end = now + ms; now < end;) {
      now += 1_000;
      await asker.tick();
    }
  };

  it('once for what came, and again for what comes later', async () => {
    asker.output(botId, 100);
    await asker.tick();
    expect(asked).toEqual([]);
    await passes(1_000);
    expect(asked).toEqual([{ queue: 'log-flush', job: { botId, cause: 'it printed something' } }]);
    await saved(100, now);
    await passes(30_000);
    expect(asked).toHaveLength(1);
    asker.output(botId, 50);
    await passes(2_000);
    expect(asked).toHaveLength(2);
    asker.output(botId, 10);
    await saved(150, now);
    await passes(3_000);
    expect(asked).toHaveLength(3);
  });

  it('later where the log is large, and at once when there is much', async () => {
    await saved(4 * 1024 * 1024, START);
    asker.output(botId, 100);
    await passes(15_000);
    expect(asked).toEqual([]);
    await passes(6_000);
    expect(asked).toHaveLength(1);
    await saved(4 * 1024 * 1024, now);
    await passes(1_000);
    asker.output(botId, POLICY.urgentBytes);
    await passes(1_000);
    expect(asked).toHaveLength(2);
  });

  it('as soon for a new day as for a new bot, however large the log of yesterday', async () => {
    await saved(4 * 1024 * 1024, START);
    now = START + 24 * 60 * 60 * 1_000;
    asker.output(botId, 100);
    await passes(1_000);
    expect(asked).toHaveLength(1);
  });

  it('at once when a container ends', async () => {
    await saved(4 * 1024 * 1024, START);
    asker.output(botId, 100);
    asker.ended(botId);
    await until(() => asked.length === 1);
    expect(asked[0]).toMatchObject({ job: { botId, cause: 'its container ended' } });
    await saved(4 * 1024 * 1024, START + 1);
    await passes(40_000);
    expect(asked).toHaveLength(1);
  });

  it('once Redis is back, whatever was to be asked for meanwhile', async () => {
    redisAway = true;
    asker.output(botId, 100);
    asker.output(`${botId}-2`, 100);
    asker.ended(`${botId}-2`);
    await passes(5_000);
    redisAway = false;
    await passes(1_000);
    expect(asked.map(({ job }) => job.botId).sort()).toEqual([botId, `${botId}-2`]);
  });

  it('again when nothing came of it, but not for ever', async () => {
    asker.output(botId, 1);
    await passes(14_000);
    expect(asked).toHaveLength(1);
    await passes(10_000);
    expect(asked).toHaveLength(2);
    await passes(600_000);
    expect(asked.length).toBeLessThan(10);
  });

  it('for bots that are found to have newer output than their last save', async () => {
    await saved(10, START, `${botId}-saved`);
    await saved(10, START - 60_000, `${botId}-behind`);
    const look = ['saved', 'behind', 'never'].map((name) => ({ botId: `${botId}-${name}`, newestMs: START }));
    await asker.lookBack(look);
    await passes(1_000);
    expect(asked.map(({ job }) => job.botId).sort()).toEqual([`${botId}-behind`, `${botId}-never`]);
  });

  it('ever more rarely for a bot that prints nothing, or nothing that is kept', async () => {
    await saved(10, START, `${botId}-clock-ahead`);
    const minutes = async (count: number) => {
      for (let minute = 0; minute < count; minute += 1) {
        await asker.lookBack([
          { botId: `${botId}-silent`, newestMs: undefined },
          { botId: `${botId}-clock-ahead`, newestMs: START + 30_000 },
        ]);
        // Not each second: time that passes without a tick changes nothing here.
        await asker.tick();
        now += 59_000;
        await passes(1_000);
      }
    };
    await minutes(2);
    expect(asked).toHaveLength(4);
    await minutes(118);
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.length).toBeLessThan(20);
  });

  it('at the next look when it printed something since, and as ever when it prints meanwhile', async () => {
    const look = (newestMs: number) => asker.lookBack([{ botId, newestMs }]);
    await look(START);
    await passes(60_000);
    expect(asked).toHaveLength(1);
    await look(START + 50_000);
    await passes(1_000);
    expect(asked).toHaveLength(2);
    asker.output(botId, 10);
    await passes(2_000);
    expect(asked).toHaveLength(3);
    expect(asked[2]).toMatchObject({ job: { botId } });
  });
});

describe('without NATS', () => {
  let engine: FakeEngine;
  beforeEach(() => {
    engine = createFakeEngine({ installation: `${servers.installation}-${count++}`, images: ['test:1'] });
  });

  it('saves are asked for as ever: of what was there, of what comes, and at the end', async () => {
    const old = await runBot(engine, `${botId}-old`);
    await engine.control.print(old, 'long ago\n');
    await using follower = startFollower({ engine, collections: own });
    const asked = (id: string) =>
      follower.asked.filter(({ job }) => job.botId === id).map(({ job }) => job.cause);
    await until(() => asked(`${botId}-old`).length > 0, { timeoutMs: 20_000 });
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'hello\n');
    await until(() => asked(botId).includes('it printed something'), { timeoutMs: 20_000 });
    await engine.control.exit(id, 0);
    await until(() => asked(botId).includes('its container ended'), { timeoutMs: 20_000 });
    expect(await own.logPositions.findOne({ _id: id })).toBeNull();
  });

  it('Redis being away loses nothing', async () => {
    let away = true;
    await using follower = startFollower({ engine, collections: own, refuse: () => away });
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'hello\n');
    await engine.control.exit(id, 0);
    await until(async () => (await engine.inspect(id))?.state === 'exited');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(follower.asked).toEqual([]);
    away = false;
    await until(() => follower.asked.some(({ job }) => job.botId === botId), { timeoutMs: 20_000 });
  });
});
