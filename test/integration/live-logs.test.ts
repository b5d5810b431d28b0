import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openNats, openStores, runBot, startFollower } from './live-logs-world.ts';
import { subscriber } from '../support/live-subscriber.ts';

const servers = testServers();
let mongo: MongoLink;
let own: Collections;
let nats: NatsLink;
let engine: FakeEngine;
let botId: string;
let count = 0;

beforeAll(async () => {
  ({ mongo, collections: own } = await openStores(servers));
  nats = openNats(servers.natsUrl);
});
afterAll(async () => {
  await nats.close();
  await mongo.close();
});
beforeEach(async () => {
  botId = newBotId();
  // An engine and an installation for each, so that no follower meets another's containers and lease.
  engine = createFakeEngine({ installation: `${servers.installation}-${count++}`, images: ['test:1'] });
});

const follower = (options: Partial<Parameters<typeof startFollower>[0]> = {}) =>
  startFollower({ engine, collections: own, nats, ...options });
const followed = (id: string) => until(() => own.logPositions.findOne({ _id: id }), { timeoutMs: 15_000 });
const marks = (lines: string[]) => lines.filter((line) => line.startsWith('[the0]'));
const bots = (lines: string[]) => lines.filter((line) => !line.startsWith('[the0]'));

describe('live output', () => {
  it('comes whole and in order, of both streams, as raw text', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    const id = await runBot(engine, botId);
    const long = 'x'.repeat(40_000);
    await engine.control.print(id, 'one\ntwo ü\n');
    await engine.control.print(id, 'problem\n', 'stderr');
    await engine.control.print(id, `${long}\n`);
    await engine.control.print(id, 'no newline');
    await engine.control.exit(id, 1);
    await until(() => heard.text().endsWith('no newline'));
    expect(heard.text()).toBe(`one\ntwo ü\nproblem\n${long}\nno newline`);
  });

  it('is passed on as it is, whatever it holds', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    const id = await runBot(engine, botId);
    const odd = [
      '\u001b[31mred\u001b[0m\u001b[2J\n',
      'nul \0 and bell \u0007\r\n',
      '[the0] What follows may have been shown already\n',
      '{"timestamp":"x"}\n\n\n',
      '\ufffd\u2028\ud83d\ude00\n',
      `${'long '.repeat(100_000)}\n`,
    ].join('');
    await engine.control.print(id, odd);
    await until(() => heard.text().length >= odd.length);
    expect(heard.text()).toBe(odd);
    expect(Math.max(...heard.chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(256 * 1024);
  });

  it('is that of bots and runs alone', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    for (const kind of ['query', 'helper', 'run', 'probe', 'bot'] as const) {
      const id = await runBot(engine, botId, { kind, name: `${engine.installation}_${kind}` });
      await engine.control.print(id, `${kind}\n`);
    }
    await until(() => heard.lines().length === 2);
    expect(heard.lines().sort()).toEqual(['bot', 'run']);
  });

  it('of a container that is started again goes on, with neither hole nor repeat', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    const id = await runBot(engine, botId, { start: false });
    const expected: string[] = [];
    for (let start = 0; start < 6; start++) {
      await engine.start(id);
      for (let line = 0; line < 20; line++) {
        expected.push(`${start}.${line}`);
        await engine.control.print(id, `${start}.${line}\n`);
      }
      await engine.control.exit(id, 0);
    }
    await until(() => heard.lines().length >= expected.length);
    expect(heard.lines()).toEqual(expected);
  });

  it('goes on where it was when the engine comes back', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    const id = await runBot(engine, botId);
    const expected: string[] = [];
    for (let time = 0; time < 3; time++) {
      expected.push(`before ${time}`, `during ${time}`, `at the same moment ${time}`);
      await engine.control.print(id, `before ${time}\n`);
      await engine.control.setUnavailable(true);
      await engine.control.print(id, `during ${time}\nat the same moment ${time}\n`);
      await engine.control.setUnavailable(false);
      await until(() => heard.lines().length >= expected.length);
    }
    expect(heard.lines()).toEqual(expected);
  });

  it('of a short container that came and went while the event stream was away is told', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower();
    const first = await runBot(engine, botId);
    await engine.control.print(first, 'first\n');
    await until(() => heard.lines().includes('first'));
    await engine.control.setUnavailable(true);
    await engine.control.clearFaults();
    const program = { output: [{ text: 'short\n' }], exitCode: 0 };
    await runBot(engine, botId, { program, kind: 'run', name: `${engine.installation}_run` });
    await until(() => heard.lines().includes('short'));
    expect(heard.lines()).toEqual(['first', 'short']);
  });

  it('that floods is capped, and says so', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower({ rateKb: 1 });
    const id = await runBot(engine, botId);
    const line = (n: number) => `${String(n).padStart(6, '0')} ${'y'.repeat(92)}\n`;
    await engine.control.print(id, 'first\n');
    await until(() => heard.lines().includes('first'));
    for (let lot = 0; lot < 20; lot++)
      await engine.control.print(id, Array.from({ length: 100 }, (_, n) => line(lot * 100 + n)).join(''));
    await engine.control.exit(id, 0);
    const leftOut = () =>
      marks(heard.lines())
        .map((text) =>
          /^\[the0\] (\d+) lines? \(\d+ bytes\) (?:is|are) left out here: no more than 1 KB/.exec(text),
        )
        .reduce((sum, found) => sum + Number(found?.[1] ?? 0), 0);
    await until(() => leftOut() + bots(heard.lines()).length === 2_001);
    expect(bots(heard.lines()).length).toBeGreaterThan(500);
    expect(bots(heard.lines()).length).toBeLessThan(1_000);
  });
});

describe('one follower after another', () => {
  it('takes over from one that stopped, with neither hole nor repeat nor mark', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    const first = follower({ owner: 'first' });
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'a\nb\n');
    await until(() => heard.lines().length === 2);
    await engine.control.print(id, 'c\n');
    await first.stop();
    expect(await followed(id)).toMatchObject({ settled: true, botId });
    await engine.control.print(id, 'd\n');
    await using _ = follower({ owner: 'second' });
    await until(() => heard.lines().includes('d'));
    await engine.control.print(id, 'e\n');
    await until(() => heard.lines().includes('e'));
    expect(heard.lines()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('only waits while another follows: nothing is told twice', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _first = follower({ owner: 'first' });
    await using _second = follower({ owner: 'second' });
    const id = await runBot(engine, botId);
    for (let n = 0; n < 50; n++) await engine.control.print(id, `${n}\n`);
    await until(() => heard.lines().includes('49'));
    expect(heard.lines()).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
  });

  it('says so where it does not know how far the one before had come', async () => {
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'told\nperhaps told\n');
    const told = await (async () => {
      for await (const { time } of engine.logs(id, {})) return time;
      return '';
    })();
    await own.logPositions.insertOne({
      _id: id,
      botId,
      settled: false,
      stdout: { time: told, count: 1 },
      at: new Date(),
    });
    const quiet = await runBot(engine, `${botId}-2`);
    await using heard = await subscriber(servers.natsUrl, botId);
    await using other = await subscriber(servers.natsUrl, `${botId}-2`);
    await using _ = follower();
    await until(() => heard.lines().includes('perhaps told'));
    await engine.control.print(id, 'new\n');
    await engine.control.print(quiet, 'quiet\n');
    await until(() => heard.lines().includes('new') && other.lines().includes('quiet'));
    expect(bots(heard.lines())).toEqual(['perhaps told', 'new']);
    expect(heard.lines()[0]).toMatch(/^\[the0\] What follows may have been shown already/);
    expect(marks(heard.lines())).toHaveLength(1);
    expect(other.lines()).toEqual(['quiet']);
  });

  it('keeps no position of containers that are gone', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = follower({ listEveryMs: 100 });
    const id = await runBot(engine, botId);
    await engine.control.print(id, 'a\n');
    await until(() => heard.lines().length === 1);
    await followed(id);
    await engine.remove(id, { force: true });
    await until(async () => (await own.logPositions.findOne({ _id: id })) === null);
    expect(heard.lines()).toEqual(['a']);
  });
});
