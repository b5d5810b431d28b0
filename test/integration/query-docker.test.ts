import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { queryContainerName, sharedQueryNetwork } from '../../model/names.ts';
import { QuerySweep } from '../../processors/query/sweep.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';
import { openQueryWorld, type QueryWorld } from './query-world.ts';

/** Real containers: what a query program may be, and what may go wrong with it. */
const SLOW_MS = 240_000;

const QUERY = `
import json, os, socket, sys, time
from queries import query, run

@query("/echo")
def echo(params):
    return {"params": params, "config": json.loads(os.environ["BOT_CONFIG"]).get("mark"), "pid": os.getpid()}

@query("/order")
def order(params):
    return {"id": 12345678901234567890}

@query("/fail")
def fail(params):
    raise ValueError("no such symbol")

@query("/slow")
def slow(params):
    time.sleep(float(params["seconds"]))
    return "late"

@query("/die")
def die(params):
    os._exit(3)

@query("/big")
def big(params):
    return "x" * int(params["bytes"])

@query("/fill")
def fill(params):
    # As a program that writes its own answer.
    with open("/query/result.json", "wb") as file:
        file.truncate(int(params["bytes"]))
    os._exit(0)

@query("/write")
def write(params):
    with open("/state/.the0-state/x.json", "w") as file:
        file.write("{}")

@query("/state")
def state(params):
    return sorted(os.listdir("/state/.the0-state"))

@query("/reach")
def reach(params):
    try:
        socket.create_connection((params["host"], int(params["port"])), 2).close()
        return "reached"
    except OSError as error:
        return f"not reached: {error}"

@query("/gateway")
def gateway(params):
    for line in open("/proc/net/route").readlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(bytes.fromhex(fields[2])[::-1])
    return None

if json.loads(os.environ["BOT_CONFIG"]).get("once") and "QUERY_PATH" not in os.environ:
    sys.exit("this program serves nothing")
run()
`;

const HTML = `
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><h1>It works</h1>")
HTTPServer(("0.0.0.0", 9476), Handler).serve_forever()
`;

/** As a chunked answer of which nobody says beforehand how long it gets. */
const GIGABYTE = `
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        piece = b"x" * 65536
        for _ in range(16384):
            self.wfile.write(b"10000\\r\\n" + piece + b"\\r\\n")
        self.wfile.write(b"0\\r\\n\\r\\n")
HTTPServer(("0.0.0.0", 9476), Handler).serve_forever()
`;

const servers = testServers();
let queries = '';
let engine: Engine;
let world: QueryWorld;

const containersOf = async (botId: string): Promise<string[]> =>
  (await engine.list({ labels: { [LABEL.id]: botId } })).map(({ id }) => id);

beforeAll(async () => {
  engine = createDockerEngine({
    installation: servers.installation,
    dockerHost: testEngine(),
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  queries = await readFile(
    join(import.meta.dirname, '..', '..', 'examples', 'python-momentum', 'queries.py'),
    'utf8',
  );
  world = await openQueryWorld({
    servers,
    engine,
    code: {
      'main.py': 'def main(i, c): pass\n',
      'queries.py': queries,
      'query.py': QUERY,
      'page.py': HTML,
      'gigabyte.py': GIGABYTE,
    },
    // A program that starts slowly on a busy machine is not taken for one that does not serve.
    environment: { EGRESS_FILTER: 'auto', QUERY_ANSWER_MB: '1', QUERY_START: '60s' },
  });
}, SLOW_MS);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
}, SLOW_MS);

describe('a program that serves', () => {
  it(
    'is started at the first query and answers the next ones from the same process',
    async () => {
      const botId = await world.bot({ config: { mark: 'secret-mark' } });
      const params = { symbol: 'BTC/USD', limit: 5, deep: { a: [1] }, 'odd key': '%&=' };
      const first = await world.ask(botId, '/echo', { params });
      expect(first.body).toMatchObject({
        status: 'ok',
        data: {
          config: 'secret-mark',
          params: { symbol: 'BTC/USD', limit: '5', deep: '{"a":[1]}', 'odd key': '%&=' },
        },
      });
      expect(first.http).toBe(200);
      const second = await world.ask(botId, 'echo?a=b', { params: { c: 'd' } });
      expect(second.body.data).toMatchObject({
        params: { a: 'b', c: 'd' },
        pid: (first.body.data as { pid: number }).pid,
      });
      expect(await containersOf(botId)).toHaveLength(1);
      // Whoever may inspect containers sees no configuration.
      const container = await engine.inspect(queryContainerName(servers.installation, botId));
      expect(JSON.stringify(container)).not.toContain('secret-mark');
      expect(container?.labels).toMatchObject({ [LABEL.type]: 'query', [LABEL.kind]: 'query' });
    },
    SLOW_MS,
  );

  it(
    'tells its errors with what it says besides, and loses no digit',
    async () => {
      const botId = await world.bot({ kind: 'schedules' });
      const [missing, failed, order, write] = await Promise.all([
        world.ask(botId, '/nope'),
        world.ask(botId, '/fail'),
        world.ask(botId, '/order'),
        world.ask(botId, '/write'),
      ]);
      expect(missing.http).toBe(500);
      expect(missing.body).toMatchObject({ status: 'error', error: 'no query /nope' });
      expect(missing.body.available).toContain('/echo');
      expect(failed.body).toMatchObject({ status: 'error', error: 'ValueError: no such symbol' });
      expect(order.text).toContain('"data":{"id":12345678901234567890}');
      expect(write.body.error).toMatch(/Read-only file system/);
      // One container for all four, although all came first.
      expect(await containersOf(botId)).toHaveLength(1);
    },
    SLOW_MS,
  );

  it(
    'reaches neither the world, nor this host, nor another bot’s program',
    async () => {
      const [one, other] = [await world.bot(), await world.bot()];
      await world.ask(other, '/echo');
      const neighbour = await engine.inspect(queryContainerName(servers.installation, other));
      const address = neighbour?.addresses[sharedQueryNetwork(servers.installation)] ?? '';
      const gateway = String((await world.ask(one, '/gateway')).body.data);
      const listening = createServer().listen(0, '0.0.0.0');
      await new Promise((resolve) => listening.once('listening', resolve));
      const { port } = listening.address() as { port: number };
      try {
        for (const [host, at] of [
          ['192.0.2.1', 80],
          ['169.254.169.254', 80],
          [gateway, port],
          [gateway, world.port],
          [address, 9476],
          ['example.com', 80],
        ] as const) {
          const { body } = await world.ask(one, '/reach', { params: { host, port: at } });
          expect(body.data, `${host}:${at}`).toMatch(/^not reached/);
        }
      } finally {
        listening.close();
      }
    },
    SLOW_MS,
  );

  it(
    'is made anew when the bot changes, and when it died',
    async () => {
      const botId = await world.bot({ config: { mark: 'one' } });
      await world.ask(botId, '/echo');
      const [before] = await containersOf(botId);
      await world.services.collections.bots.updateOne({ id: botId }, { $set: { 'config.mark': 'two' } });
      expect((await world.ask(botId, '/echo')).body.data).toMatchObject({ config: 'two' });
      const [after, ...more] = await containersOf(botId);
      expect(after).not.toBe(before);
      expect(more).toEqual([]);
      const died = await world.ask(botId, '/die');
      expect(died.http).toBe(500);
      expect(died.body.error).toMatch(/ended while it was asked/);
      expect((await world.ask(botId, '/echo')).http).toBe(200);
      await engine.remove((await containersOf(botId))[0] ?? '', { force: true });
      expect((await world.ask(botId, '/echo')).http).toBe(200);
    },
    SLOW_MS,
  );

  it(
    'that does not answer in time gets 504, others meanwhile are answered, and it stays if it is well',
    async () => {
      const botId = await world.bot();
      await world.ask(botId, '/echo');
      const [container] = await containersOf(botId);
      const [slow, quick] = await Promise.all([
        world.ask(botId, '/slow', { params: { seconds: 600 }, timeout_sec: 1 }),
        world.ask(botId, '/echo'),
      ]);
      expect(slow.http).toBe(504);
      expect(slow.body.error).toBe('the query did not finish within 1 seconds');
      expect(quick.http).toBe(200);
      expect((await world.ask(botId, '/slow', { params: { seconds: 0.1 } })).body.data).toBe('late');
      expect(await containersOf(botId)).toEqual([container]);
    },
    SLOW_MS,
  );

  it(
    'may answer HTML, or more than is taken: that is told, and nothing else suffers',
    async () => {
      const html = await world.bot({ query: 'page.py' });
      expect((await world.ask(html, '/x')).body).toMatchObject({
        status: 'error',
        error: expect.stringMatching(/HTTP 200 with text\/html.*It works/) as string,
      });
      const botId = await world.bot();
      const big = await world.ask(botId, '/big', { params: { bytes: 50_000_000 } });
      expect(big.http).toBe(500);
      expect(big.body.error).toMatch(/larger than 1 MB/);
      const before = process.memoryUsage().rss;
      const endless = await world.ask(await world.bot({ query: 'gigabyte.py' }), '/x');
      expect(endless.http).toBe(500);
      expect(endless.body.error).toMatch(/larger than 1 MB/);
      expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
      expect((await world.ask(botId, '/big', { params: { bytes: 500_000 } })).http).toBe(200);
    },
    SLOW_MS,
  );
});

describe('a program that does not serve', () => {
  it(
    'is run once for each query, keeps its errors, and leaves nothing behind',
    async () => {
      const botId = await world.bot({ config: { once: true, mark: 'm' } });
      const first = await world.ask(botId, '/echo', { params: { limit: 5, text: 'a b' } });
      expect(first.body).toMatchObject({
        status: 'ok',
        data: { config: 'm', params: { limit: '5', text: 'a b' } },
      });
      expect(await world.services.collections.queryContainers.findOne({ _id: botId })).toMatchObject({
        state: 'single-shot',
      });
      const [failed, missing, died, late] = await Promise.all([
        world.ask(botId, '/fail'),
        world.ask(botId, '/nope'),
        world.ask(botId, '/die'),
        world.ask(botId, '/slow', { params: { seconds: 600 }, timeout_sec: 5 }),
      ]);
      expect(failed.body).toMatchObject({ status: 'error', error: 'ValueError: no such symbol' });
      expect(missing.body).toMatchObject({ error: 'no query /nope' });
      expect(missing.body.available).toContain('/echo');
      expect(died.http).toBe(500);
      expect(died.body.error).toMatch(/exited with code 3 and left no answer/);
      expect(late.http).toBe(504);
      await until(async () => (await containersOf(botId)).length === 0, { timeoutMs: SLOW_MS });
      await until(
        async () => (await world.services.collections.queryRequests.countDocuments({ botId })) === 0,
        { timeoutMs: SLOW_MS },
      );
      // A volume goes after its container.
      await until(
        async () =>
          (await engine.listVolumes({ [LABEL.kind]: 'query-launch', [LABEL.id]: botId })).length === 0,
        { timeoutMs: SLOW_MS },
      );
    },
    SLOW_MS,
  );

  it(
    'may leave more than is taken, or a gigabyte: that is told, and the next one is answered',
    async () => {
      const botId = await world.bot({ config: { once: true } });
      expect((await world.ask(botId, '/big', { params: { bytes: 500_000 } })).http).toBe(200);
      const big = await world.ask(botId, '/big', { params: { bytes: 3_000_000 } });
      expect([big.http, big.body.error]).toEqual([500, 'the answer is larger than 1 MB']);
      const before = process.memoryUsage().rss;
      const gigabyte = await world.ask(botId, '/fill', {
        params: { bytes: 1_000_000_000 },
        timeout_sec: 120,
      });
      expect([gigabyte.http, gigabyte.body.error]).toEqual([500, 'the answer is larger than 1 MB']);
      expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
      expect((await world.ask(botId, '/echo')).http).toBe(200);
    },
    SLOW_MS,
  );

  it(
    'ends as soon as nobody waits for its answer any more',
    async () => {
      const botId = await world.bot({ config: { once: true } });
      expect((await world.ask(botId, '/echo')).http).toBe(200);
      const left = new AbortController();
      const asking = world
        .ask(botId, '/slow', { params: { seconds: 3_600 }, timeout_sec: 3_600, signal: left.signal })
        .catch((error: unknown) => (error as Error).name);
      await until(async () => (await containersOf(botId)).length > 0, {
        timeoutMs: SLOW_MS,
      });
      left.abort();
      expect(await asking).toBe('AbortError');
      // Long before its time limit of five minutes.
      await until(async () => (await containersOf(botId)).length === 0, { timeoutMs: 60_000 });
    },
    SLOW_MS,
  );

  it(
    'or is none, or cannot be had: the reason is told',
    async () => {
      const none = await world.bot({ query: undefined });
      expect((await world.ask(none, '/x')).http).toBe(404);
      const absent = await world.ask(await world.bot({ query: 'nothing.py' }), '/x');
      expect(absent.http).toBe(500);
      expect(absent.body.error).toMatch(/entrypoints.query.*no such file/);
      const noCode = await world.ask(await world.bot({ filePath: 'owner/none/1.0.0' }), '/x');
      expect(noCode.body.status).toBe('error');
      expect(noCode.body.error).toMatch(/owner\/none\/1\.0\.0/);
    },
    SLOW_MS,
  );
});

it(
  'a sweep stops what nobody asks any more, and a further query starts it again',
  async () => {
    const botId = await world.bot();
    await world.ask(botId, '/echo');
    const sweep = new QuerySweep(world.context);
    await sweep.sweep();
    expect(await containersOf(botId)).toHaveLength(1);
    await world.services.collections.queryContainers.updateOne(
      { _id: botId },
      { $set: { usedAt: new Date(Date.now() - 3_600_000) } },
    );
    await sweep.sweep();
    expect(await containersOf(botId)).toEqual([]);
    expect((await world.ask(botId, '/echo')).http).toBe(200);
  },
  SLOW_MS,
);
