import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { MongoLink } from '../../infra/mongo/connect.ts';
import type { NatsLink } from '../../infra/nats/connect.ts';
import { runInContainer } from '../support/container-bot.ts';
import { testImage } from '../conformance/shell.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';
import { log, openNats, openStores, runBot, startFollower } from './live-logs-world.ts';
import { bridgeTo } from '../support/engine-bridge.ts';
import { subscriber } from '../support/live-subscriber.ts';

const servers = testServers();
let mongo: MongoLink;
let own: Collections;
let nats: NatsLink;
let engine: Engine;
let image: string;
let botId: string;

beforeAll(async () => {
  ({ mongo, collections: own } = await openStores(servers));
  nats = openNats(servers.natsUrl);
  engine = createDockerEngine({ installation: servers.installation, dockerHost: testEngine(), log });
  image = await testImage(engine);
  await engine.ensureNetwork();
});
afterAll(async () => {
  for (const { id } of await engine.list()) await engine.remove(id, { force: true });
  for (const { name } of await engine.listVolumes()) await engine.removeVolume(name);
  await engine.removeNetwork();
  await engine[Symbol.asyncDispose]();
  await nats.close();
  await mongo.close();
});
beforeEach(() => {
  botId = newBotId();
});

const shell = (script: string) => runBot(engine, botId, { image, command: ['sh', '-c', script] });
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => String(from + n));

describe('on Docker', () => {
  it.each([
    {
      runtime: 'python3.11',
      entry: 'main.py',
      source: `
import sys, time
def main(id, config, *rest):
    for n in range(12):
        print('out', n, int(time.time() * 1000))
        print('err', n, int(time.time() * 1000), file=sys.stderr)
        time.sleep(0.25)
`,
    },
    {
      runtime: 'nodejs20',
      entry: 'main.js',
      source: `
module.exports.main = async () => {
  for (let n = 0; n < 12; n++) {
    process.stdout.write('out ' + n + ' ' + Date.now() + '\\n');
    console.error('err ' + n + ' ' + Date.now());
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};
`,
    },
  ])('what a $runtime bot prints is heard while it goes on', async ({ runtime, entry, source }) => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = startFollower({ engine, collections: own, nats });
    const ran = await runInContainer(engine, {
      botId,
      runtime,
      entry,
      code: { [entry]: source },
      config: {},
    });
    expect(ran.detail.exitCode, ran.output).toBe(0);
    const printed = () => heard.lines().filter((line) => /^(out|err) \d+ \d+$/.test(line));
    await until(() => printed().length === 24);
    const lags = heard.chunks.flatMap(({ text, atMs }) =>
      [...text.matchAll(/^(?:out|err) \d+ (\d+)$/gm)].map(([, at]) => atMs - Number(at)),
    );
    // Held back by a buffer, the first of them would come after three seconds, at the end.
    const median = lags.sort((a, b) => a - b)[Math.floor(lags.length / 2)] ?? Infinity;
    expect(median).toBeLessThan(1_000);
    expect(heard.chunks.length).toBeGreaterThan(6);
    for (const stream of ['out', 'err'])
      expect(
        printed()
          .filter((line) => line.startsWith(stream))
          .map((line) => line.split(' ')[1]),
      ).toEqual(numbers(0, 11));
  });

  it('a container that is stopped and started again is followed with neither hole nor repeat', async () => {
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = startFollower({ engine, collections: own, nats });
    const id = await shell(`
      trap 'echo bye; exit 0' TERM
      echo hello; n=0
      while :; do n=$((n + 1)); echo $n; sleep 0.02; done`);
    for (let time = 0; time < 3; time++) {
      const before = heard.lines().length;
      // Not by lines alone, of which ten may still be on their way from the time before: stopped before it set its trap and
      // said hello, it would end without.
      const begun = (): boolean => heard.lines().filter((line) => line === 'hello').length > time;
      await until(() => begun() && heard.lines().length > before + 10, { timeoutMs: 20_000 });
      await engine.stop(id, 10_000);
      if (time < 2) await engine.start(id);
    }
    let all = '';
    for await (const { data } of engine.logs(id, {})) all += data.toString();
    await until(() => heard.text().length >= all.length, { timeoutMs: 20_000 });
    expect(heard.text()).toBe(all);
    expect(all.match(/hello/g)).toHaveLength(3);
  });

  it('a connection to the engine that breaks costs nothing', async () => {
    await using bridge = await bridgeTo(testEngine());
    await using shaky = createDockerEngine({
      installation: servers.installation,
      dockerHost: bridge.dockerHost,
      log,
    });
    await using heard = await subscriber(servers.natsUrl, botId);
    await using _ = startFollower({ engine: shaky, collections: own, nats });
    const id = await shell(`
      n=0; while [ $n -lt 400 ]; do n=$((n + 1)); echo $n; [ $((n % 50)) -ne 0 ] || head -c 50000 /dev/zero | tr '\\0' x
      [ $((n % 50)) -ne 0 ] || echo; sleep 0.01; done`);
    for (const at of ['60', '150', '290']) {
      await until(() => heard.lines().includes(at), { timeoutMs: 30_000 });
      bridge.cut();
    }
    await engine.wait(id);
    await until(() => heard.lines().includes('400'), { timeoutMs: 30_000 });
    await until(() => heard.text().endsWith('x\n'));
    expect(heard.lines().filter((line) => /^\d+$/.test(line))).toEqual(numbers(1, 400));
    const long = heard.lines().filter((line) => line.includes('x'));
    expect(long.map((line) => line.length)).toEqual(Array.from({ length: 8 }, () => 50_000));
  });

  it('a bot that prints all it can is capped, told so, and disturbs nobody', async () => {
    const other = `${botId}-other`;
    await using flood = await subscriber(servers.natsUrl, botId);
    await using heard = await subscriber(servers.natsUrl, other);
    await using _ = startFollower({ engine, collections: own, nats, rateKb: 16 });
    await shell(
      `head -c 40000000 /dev/zero | tr '\\0' x; echo; yes | head -c 4000000; echo done; sleep 1000`,
    );
    const quiet = `n=0; while [ $n -lt 20 ]; do n=$((n + 1)); echo $n; sleep 0.1; done`;
    await runBot(engine, other, { image, command: ['sh', '-c', quiet] });
    await until(() => heard.lines().includes('20'), { timeoutMs: 40_000 });
    expect(heard.lines()).toEqual(numbers(1, 20));
    await until(
      () => /\[the0\] \d+ lines \(\d+ bytes\) are left out here: no more than 16 KB/.test(flood.text()),
      {
        timeoutMs: 60_000,
      },
    );
    // A minute's worth at once, and what the rate allows since.
    expect(flood.text().length).toBeLessThan(16 * 1024 * 200);
  });
});
