import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectFakeEngine, serveFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import { MARKS } from '../../producers/live-logs/marks.ts';
import { newBotId } from '../support/bots.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { ownNats, testServers } from '../support/servers.ts';
import { openNats, openStores, runBot, startFollower } from './live-logs-world.ts';
import { subscriber } from '../support/live-subscriber.ts';

const CHILD = fileURLToPath(new URL('./live-logs-holder.ts', import.meta.url));
const servers = testServers();
const world = await serveFakeEngine({ images: ['test:1'] });
let mongo: MongoLink;
let own: Collections;
let natsServer: RunningServer;
let engine: FakeEngine;
let botId: string;
let count = 0;

beforeAll(async () => {
  ({ mongo, collections: own } = await openStores(servers));
  natsServer = await ownNats();
});
afterAll(async () => {
  await mongo.close();
  await natsServer.stop();
  await world.close();
});
beforeEach(() => {
  botId = newBotId();
  engine = connectFakeEngine({ url: world.url, installation: `${servers.installation}-${count++}` });
});

const marks = (lines: string[]) => lines.filter((line) => line.startsWith('[the0]'));
const bots = (lines: string[]) => lines.filter((line) => !line.startsWith('[the0]'));
const numbers = (to: number) => Array.from({ length: to }, (_, n) => String(n));

describe('while NATS is away', () => {
  it('output waits, and comes whole once it is back; what may come twice is marked', async () => {
    await using proxy = await FaultProxy.start(natsServer.port);
    const nats = openNats(`nats://127.0.0.1:${proxy.port}`);
    await using heard = await subscriber(natsServer.url, botId);
    await using _ = startFollower({ engine, collections: own, nats });
    const id = await runBot(engine, botId);
    let printed = 0;
    const print = async (lines: number) => {
      for (let n = 0; n < lines; n++) await engine.control.print(id, `${printed++}\n`);
    };
    await print(5);
    await until(() => heard.lines().includes('4'));
    for (let outage = 0; outage < 3; outage++) {
      proxy.cut();
      await print(50);
      proxy.heal();
      await until(() => heard.lines().includes(String(printed - 1)), { timeoutMs: 20_000 });
    }
    // Each number is there, in order, and one that is there twice is told with a mark.
    const seen = bots(heard.lines());
    expect([...new Set(seen)]).toEqual(numbers(printed));
    if (seen.length > printed) expect(marks(heard.lines()).join()).toMatch(/may have been shown already/);
    await nats.close();
  });

  it('more than fits is left out, counted and told, and asking for saves goes on', async () => {
    await using proxy = await FaultProxy.start(natsServer.port);
    const nats = openNats(`nats://127.0.0.1:${proxy.port}`);
    await using heard = await subscriber(natsServer.url, botId);
    await using follower = startFollower({ engine, collections: own, nats });
    const id = await runBot(engine, botId);
    const total = async (name: string): Promise<number> =>
      Number(/ (\d+)$/m.exec(await follower.registry.getSingleMetricAsString(name))?.[1]);
    const leftOut = async (): Promise<number> => {
      const series = await follower.registry.getSingleMetricAsString('the0_live_log_left_out_bytes_total');
      return Number(/reason="nats-away"\} (\d+)/.exec(series)?.[1]);
    };
    await engine.control.print(id, 'first\n');
    await until(() => heard.lines().includes('first'));
    // It is heard before the follower knows that NATS has it: cut off in between, it would count among what is left out.
    await until(async () => (await total('the0_live_log_bytes_total')) === 'first\n'.length);
    proxy.cut();
    await until(() => !nats.connected);
    const lines = 3_000;
    for (let lot = 0; lot < 30; lot++)
      await engine.control.print(
        id,
        Array.from({ length: lines / 30 }, () => `${'z'.repeat(999)}\n`).join(''),
      );
    await until(() => follower.asked.length > 0, { timeoutMs: 20_000 });
    expect(follower.asked[0]).toMatchObject({ queue: 'log-flush', job: { botId } });
    // All is read so far that the rest, a megabyte at most, fits: what is left out, is left out in one place.
    await until(async () => (await leftOut()) > lines * 1_000 - 1_024 * 1_024, { what: 'room made' });
    proxy.heal();
    await engine.control.print(id, 'last\n');
    await until(() => heard.lines().includes('last'), { timeoutMs: 20_000 });
    const told = marks(heard.lines()).find((line) => line.includes('while NATS was away'));
    const [, missing = '', bytes = ''] = /(\d+) lines \((\d+) bytes\)/.exec(told ?? '') ?? [];
    const shown = heard.lines().filter((line) => line.startsWith('zzz')).length;
    expect(Number(missing) + shown).toBe(lines);
    expect(Number(bytes)).toBe(Number(missing) * 1_000);
    expect(await leftOut()).toBe(Number(bytes));
    await nats.close();
  });

  it('for as long as it was never there, and a follower can leave all the same', async () => {
    const nats = openNats('nats://127.0.0.1:1');
    const follower = startFollower({ engine, collections: own, nats });
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'waits\n');
    await until(() => follower.asked.length > 0, { timeoutMs: 20_000 });
    await follower.stop();
    await nats.close();
    const back = openNats(natsServer.url);
    await using heard = await subscriber(natsServer.url, botId);
    await using _ = startFollower({ engine, collections: own, nats: back });
    await until(() => heard.lines().includes('waits'), { timeoutMs: 20_000 });
    expect(bots(heard.lines())).toEqual(['waits']);
    await back.close();
  });
});

describe('a follower that is killed', () => {
  const mortalFollower = () =>
    spawn(
      process.execPath,
      [CHILD, world.url, engine.installation, servers.mongoUri, natsServer.url, servers.databases.runtime],
      { stdio: 'inherit' },
    );

  it('may leave a hole where a container is removed before the next one comes: that is told, once', async () => {
    await using heard = await subscriber(natsServer.url, botId);
    const child = mortalFollower();
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'heard\n');
    await until(() => heard.lines().includes('heard'), { timeoutMs: 30_000 });
    child.kill('SIGKILL');
    await engine.control.print(id, 'not heard\n');
    await engine.remove(id, { force: true });
    const nats = openNats(natsServer.url);
    for (const again of ['first', 'second']) {
      await using _ = startFollower({ engine, collections: own, nats });
      const other = await runBot(engine, botId);
      await engine.control.print(other, `${again}\n`);
      await until(() => heard.lines().includes(again), { timeoutMs: 30_000 });
      await engine.remove(other, { force: true });
    }
    expect(heard.lines().filter((line) => MARKS.goneUnread.startsWith(line))).toHaveLength(1);
    expect(bots(heard.lines()).filter((line) => line === 'heard')).toHaveLength(1);
    await nats.close();
  });

  it('is succeeded, with no hole, and with no repeat that is not marked', async () => {
    await using heard = await subscriber(natsServer.url, botId);
    const child = mortalFollower();
    const id = await runBot(engine, botId);
    const printing = new AbortController();
    let printed = 0;
    const printer = (async () => {
      while (!printing.signal.aborted) {
        await engine.control.print(id, `${printed++}\n`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await until(() => heard.lines().includes('200'), { timeoutMs: 30_000 });
    child.kill('SIGKILL');
    const nats = openNats(natsServer.url);
    await using _ = startFollower({ engine, collections: own, nats });
    const killedAt = printed;
    await until(() => heard.lines().includes(String(killedAt + 100)), { timeoutMs: 30_000 });
    printing.abort();
    await printer;
    await until(() => heard.lines().includes(String(printed - 1)));
    const lines = heard.lines();
    expect([...new Set(bots(lines))]).toEqual(numbers(printed));
    const at = lines.findIndex((line) => line.startsWith('[the0] What follows may have been shown'));
    expect(at).toBeGreaterThan(0);
    expect(marks(lines)).toHaveLength(1);
    for (const half of [lines.slice(0, at), lines.slice(at + 1)])
      expect(half).toEqual([...half].sort((a, b) => Number(a) - Number(b)));
    expect(new Set(lines.slice(0, at)).size).toBe(at);
    expect(new Set(lines.slice(at)).size).toBe(lines.length - at);
    await nats.close();
  });
});
