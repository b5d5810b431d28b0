import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeEngine } from '../../infra/engine/fake/index.ts';
import { freePorts } from '../../infra/local/ports.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { createLogger } from '../../infra/logger.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { LABEL } from '../../model/labels.ts';
import { containerName } from '../../model/names.ts';
import { Planner } from '../../producers/plan/planner.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import {
  endProcess,
  median,
  type Bench,
  type BenchContext,
  type BenchServers,
  type Figure,
} from './harness/index.ts';

const BOTS = 10_000;
const KB = 1024;
const MB = 1024 * 1024;

type Memory = { rss: number; heapUsed: number; heapTotal: number; external: number; cpuMs: number };

export const bench: Bench = {
  name: 'footprint',
  goal: 'quiet resync of 10,000 bots ≤ 1 s of CPU; ≤ 50 KB a bot watched; a processor ready in ≤ 1 s, at the first start of an installation too, and ≤ 120 MB idle',
  async run(context) {
    return [...(await context.within(watching)), ...(await context.within(processor))];
  },
};

/** Documents, statuses and containers that agree: a fleet that needs nothing. */
async function seed(
  servers: BenchServers,
  store: ReturnType<typeof collections>,
  engine: FakeEngine,
): Promise<void> {
  const documents = Array.from({ length: BOTS }, () =>
    botDocument(newBotId(), { filePath: 'owner/code/1.0.0', config: { symbol: 'BTC/USDT', size: 0.5 } }),
  );
  const { bots, status } = store;
  const image = await engine.resolveImage('python:3.11-slim');
  if (image === undefined) throw new Error('The fake engine has no image');
  for (let from = 0; from < BOTS; from += 500) {
    const part = documents.slice(from, from + 500);
    const ids = await Promise.all(
      part.map(async (bot) => {
        const id = await engine.create(containerOf(servers.installation, image, bot.id, fingerprint(bot)));
        await engine.start(id);
        return id;
      }),
    );
    const at = new Date();
    await status.insertMany(
      part.map((bot, index) => ({
        _id: bot.id,
        phase: 'running' as const,
        reason: 'It runs.',
        since: at,
        updatedAt: at,
        startedAt: at,
        restarts: 0,
        consecutiveFailures: 0,
        permanent: false,
        attemptedFingerprint: fingerprint(bot),
        containerId: ids[index] ?? '',
        image,
        token: 1,
        lock: null,
      })),
    );
  }
  await bots.insertMany(documents);
}

async function watching(context: BenchContext): Promise<Figure[]> {
  const servers = await context.servers('mongo', 'redis', 's3');
  await uploadCode(servers, { 'main.py': '' });
  const log = createLogger({ level: 'silent', service: 'bench' });
  const mongo = connectMongo(servers.mongoUri, { appName: 'bench', log });
  context.atEnd('the connection to MongoDB', () => mongo.close());
  const store = collections(mongo.client, servers.databases);
  const { engine, url } = await context.remoteFakeEngine(servers.installation);
  await engine.ensureNetwork();

  const empty = await memoryOfRunner(context, servers, url);
  await seed(servers, store, engine);
  const full = await memoryOfRunner(context, servers, url);
  const kbPerBot = (key: 'rss' | 'heapUsed' | 'heapTotal' | 'external'): number =>
    (full[key] - empty[key]) / BOTS / KB;
  const partOfRss = (key: 'heapTotal' | 'external'): Figure => ({
    name: key,
    value: kbPerBot(key),
    unit: 'KB',
    runs: [kbPerBot(key)],
  });
  context.say(
    `bot-runner: ${Math.round(empty.rss / MB)} MB without bots, ${Math.round(full.rss / MB)} MB with ${BOTS}`,
  );

  const planner = new Planner({
    stableAfterMs: 600_000,
    bots: store.bots,
    holds: store.holds,
    restarts: store.restarts,
    statuses: store.status,
    engine,
    sameEngine: async () => undefined,
    queues: {
      add: async (items) => void (items.length > 0 && context.say(`${items.length} jobs in a quiet resync`)),
    },
    log,
    now: Date.now,
  });
  const runs: number[] = [];
  for (let run = 0; run < 7; run += 1) {
    const before = process.cpuUsage();
    const { bots, transitions } = await planner.resync();
    const { user, system } = process.cpuUsage(before);
    if (bots !== BOTS || transitions !== 0)
      throw new Error(`The fleet is not quiet: ${transitions} transitions of ${bots} bots`);
    if (run > 0) runs.push((user + system) / 1e6);
  }
  return [
    { name: 'quiet resync', value: median(runs), unit: 's CPU', runs, limit: { atMost: 1 } },
    {
      name: 'RSS a bot watched',
      value: kbPerBot('rss'),
      unit: 'KB',
      runs: [kbPerBot('rss')],
      limit: { atMost: 50 },
    },
    {
      name: 'heap a bot watched',
      value: kbPerBot('heapUsed'),
      unit: 'KB',
      runs: [kbPerBot('heapUsed')],
      limit: { atMost: 50 },
    },
    { ...partOfRss('heapTotal'), name: 'of RSS a bot watched, heap that V8 keeps' },
    { ...partOfRss('external'), name: 'of RSS a bot watched, buffers' },
  ];
}

/** Memory of a bot-runner that has resynced several times, after a collection. */
async function memoryOfRunner(
  context: BenchContext,
  servers: BenchServers,
  engineUrl: string,
): Promise<Memory> {
  const child = context.node({
    script: 'test/bench/children/role.ts',
    args: ['--engine', engineUrl],
    environment: { ...servers.environment, RECONCILE_INTERVAL: '2s' },
    nodeOptions: ['--expose-gc'],
  });
  await child.line((line) => line.includes('"ready"'));
  await sleep(15_000);
  const answer = child.line((line) => line.includes('"rss"'));
  child.kill('SIGUSR2');
  const memory = JSON.parse(await answer) as Memory;
  await endProcess(child);
  return memory;
}

/** The command as it is run, over the real engine: from its spawn until /readyz says yes, and its memory at rest. */
async function processor(context: BenchContext): Promise<Figure[]> {
  const servers = await context.servers('mongo', 'redis', 's3');
  await uploadCode(servers, { 'main.py': '' });
  const { dockerHost } = await context.dockerEngine(servers.installation);
  const ready: number[] = [];
  const idle: number[] = [];
  for (let run = 0; run < 6; run += 1) {
    const [port = 0] = await freePorts(1);
    const beganMs = performance.now();
    const child = context.node({
      script: 'cli/main.ts',
      args: ['processor'],
      environment: {
        ...servers.environment,
        DOCKER_HOST: dockerHost,
        PROCESSOR_HEALTH_PORT: String(port),
        // As the boot script has it, here empty before the first start.
        NODE_COMPILE_CACHE: join(context.dir, 'compiled'),
      },
    });
    await until(() => isReady(port), {
      everyMs: 5,
      timeoutMs: 30_000,
      what: `/readyz of the processor:\n${child.output()}`,
    });
    ready.push((performance.now() - beganMs) / 1000);
    await sleep(5_000);
    idle.push(rssOf(child.pid) / MB);
    await endProcess(child);
  }
  const [first = Number.NaN] = ready.splice(0, 1);
  return [
    {
      name: 'processor ready, first start of an installation',
      value: first,
      unit: 's',
      runs: [first],
      limit: { atMost: 1 },
    },
    { name: 'processor ready', value: median(ready), unit: 's', runs: ready, limit: { atMost: 1 } },
    { name: 'processor idle', value: median(idle), unit: 'MB RSS', runs: idle, limit: { atMost: 120 } },
  ];
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    // It does not listen yet.
    return false;
  }
}

function rssOf(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) * KB;
}

function containerOf(
  installation: string,
  image: string,
  botId: string,
  print: string,
): Parameters<FakeEngine['create']>[0] {
  return {
    name: containerName(installation, botId),
    kind: 'bot',
    image,
    command: ['sleep', 'infinity'],
    workingDir: '/',
    env: {},
    labels: { [LABEL.id]: botId, [LABEL.managed]: 'true', [LABEL.fingerprint]: print },
    limits: {
      memoryBytes: 512 * MB,
      cpus: 1,
      cpuShares: 512,
      pids: 256,
      nofile: 4096,
      nproc: 65_536,
      shmBytes: 16 * MB,
    },
    volumes: [],
    tmpfs: [],
    network: 'bots',
  };
}
