import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, connect, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { ownQueryNetwork, queryContainerName } from '../../model/names.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';
import { openQueryWorld, type Answer, type QueryWorld } from './query-world.ts';

/** Real containers, and a query server that runs within the network of one of them, as it does where it is deployed so. */
const SLOW_MS = 240_000;

const QUERY = `
import os, socket
from queries import query, run

@query("/who")
def who(params):
    return os.environ["BOT_ID"]

@query("/reach")
def reach(params):
    try:
        socket.create_connection((params["host"], int(params["port"])), 2).close()
        return "reached"
    except OSError as error:
        return f"not reached: {error}"

run()
`;

const isRoot = process.getuid?.() === 0;
const servers = testServers();
const folder = mkdtempSync(join(tmpdir(), 'the0-inside-'));
const relays: Server[] = [];
let engine: Engine;
let world: QueryWorld;
let own: string;
let inside: ChildProcess;

/** Something of this host, through a socket in the folder. */
async function relay(name: string, url: string): Promise<void> {
  const { hostname, port } = new URL(url.replace(/^mongodb/, 'http'));
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  relays.push(server);
  await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
}

/** Of a container of the engine, in the host's count. */
async function processOf(containerId: string): Promise<number> {
  const socketPath = testEngine().replace(/^unix:\/\//, '');
  const text = await new Promise<string>((resolve, reject) => {
    request({ socketPath, path: `/containers/${containerId}/json` }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => resolve(body));
    })
      .on('error', reject)
      .end();
  });
  return (JSON.parse(text) as { State: { Pid: number } }).State.Pid;
}

function ask(botId: string, path: string, params: Record<string, unknown> = {}): Promise<Answer['body']> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { socketPath: join(folder, 'ask.sock'), method: 'POST', path: '/query' },
      (answer) => {
        let body = '';
        answer
          .on('data', (chunk: Buffer) => (body += chunk.toString()))
          .on('end', () => resolve(JSON.parse(body) as Answer['body']));
      },
    );
    asking.on('error', reject);
    asking.end(JSON.stringify({ bot_id: botId, query_path: path, params, timeout_sec: 60 }));
  });
}

/** The network that an address is in. */
const networkOf = (address: string, mask: string): number => numberOf(address) & numberOf(mask);
const numberOf = (address: string): number =>
  address.split('.').reduce((number, part) => (number << 8) | Number(part), 0);

/** The address at which a bot's query program is asked. */
async function addressOf(botId: string): Promise<string> {
  const container = await engine.inspect(queryContainerName(servers.installation, botId));
  return container?.addresses[ownQueryNetwork(servers.installation, botId)] ?? '';
}

beforeAll(async () => {
  if (!isRoot) return;
  engine = createDockerEngine({
    installation: servers.installation,
    dockerHost: testEngine(),
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  const examples = join(import.meta.dirname, '..', '..', 'examples', 'python-momentum', 'queries.py');
  // Its worker is the one that gets containers ready; its own server is asked nothing.
  world = await openQueryWorld({
    servers,
    engine,
    code: { 'main.py': '', 'queries.py': await readFile(examples, 'utf8'), 'query.py': QUERY },
  });
  await engine.ensureNetwork();
  own = await engine.create({
    name: `${servers.installation}_query_server`,
    kind: 'query',
    image: (await engine.resolveImage('python:3.11-slim')) ?? '',
    command: ['sleep', '3600'],
    workingDir: '/tmp',
    env: {},
    labels: {},
    limits: {
      memoryBytes: 64 * 2 ** 20,
      cpus: 1,
      cpuShares: 512,
      pids: 64,
      nofile: 256,
      nproc: 4096,
      shmBytes: 2 ** 20,
    },
    volumes: [],
    tmpfs: [],
    network: 'bots',
  });
  await engine.start(own);
  await Promise.all([relay('mongo.sock', servers.mongoUri), relay('redis.sock', servers.redisUrl)]);
  const script = join(import.meta.dirname, '..', 'support', 'query-server-child.ts');
  inside = spawn(
    'nsenter',
    [`--net=/proc/${await processOf(own)}/ns/net`, process.execPath, script, folder, own],
    {
      env: { ...process.env, ...servers.environment, QUERY_SERVER_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  inside.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('ready'), { timeoutMs: 30_000, what: 'the query server inside' });
}, SLOW_MS);

afterAll(async () => {
  if (!isRoot) return;
  inside?.kill('SIGKILL');
  for (const server of relays) server.close();
  await world?.[Symbol.asyncDispose]();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}, SLOW_MS);

describe.runIf(isRoot)('a query server that runs in a container', () => {
  it(
    'answers: it is let into the network of each bot, and asks its program there',
    async () => {
      const [one, other] = [await world.bot(), await world.bot({ kind: 'schedules' })];
      for (const botId of [one, other]) {
        expect(await ask(botId, '/who')).toMatchObject({ status: 'ok', data: botId });
        const record = await world.services.collections.queryContainers.findOne({ _id: botId });
        expect(record).toMatchObject({ state: 'ready', joined: [own], servers: [own] });
      }
      // The second question goes to the same program.
      expect(await ask(one, '/who')).toMatchObject({ data: one });
      expect(await engine.list({ labels: { [LABEL.id]: one } })).toHaveLength(1);
    },
    SLOW_MS,
  );

  it(
    'is all that reaches a program: not this host, not another bot’s; and that reaches no other',
    async () => {
      const [one, other] = [await world.bot(), await world.bot()];
      await Promise.all([ask(one, '/who'), ask(other, '/who')]);
      const address = await addressOf(other);
      expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      // This host has no foot in that network, so that what is asked for there would go somewhere else altogether.
      const near = networkOf(address, '255.255.255.248');
      const ours = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
      expect(
        ours.filter((each) => each.family === 'IPv4' && networkOf(each.address, '255.255.255.248') === near),
      ).toEqual([]);
      expect((await ask(one, '/reach', { host: address, port: 9476 })).data).toMatch(/^not reached/);
      expect((await ask(one, '/reach', { host: '192.0.2.1', port: 80 })).data).toMatch(/^not reached/);
    },
    SLOW_MS,
  );

  it(
    'answers again after the program was made anew for a change of its bot',
    async () => {
      const botId = await world.bot();
      await ask(botId, '/who');
      const before = await addressOf(botId);
      await world.services.collections.bots.updateOne({ id: botId }, { $set: { 'config.mark': 'two' } });
      expect(await ask(botId, '/who')).toMatchObject({ status: 'ok', data: botId });
      expect(before).not.toBe('');
    },
    SLOW_MS,
  );
});
