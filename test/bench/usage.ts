import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { FakeEngine } from '../../infra/engine/fake/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { collections } from '../../infra/mongo/collections.ts';
import { connectMongo } from '../../infra/mongo/connect.ts';
import { ensureIndexes } from '../../infra/mongo/indexes.ts';
import { LABEL } from '../../model/labels.ts';
import { USAGE_WINDOW_MS } from '../../model/usage-steps.ts';
import { UsageSampler } from '../../processors/usage/sampler.ts';
import { readUsage } from '../../producers/control/usage/read.ts';
import { topUsage } from '../../producers/control/usage/top.ts';
import { median, parameter, type Bench, type BenchContext, type Figure } from './harness/index.ts';

const CONTAINERS = parameter('USAGE_CONTAINERS', 1000);
const WINDOWS = parameter('USAGE_WINDOWS', 3);
const EVERY_MS = 15_000;
const ROUNDS = USAGE_WINDOW_MS / EVERY_MS;
const READS = 21;
const CGROUP = '/sys/fs/cgroup';
/** As proc(5) counts: USER_HZ is 100 on every Linux. */
const MS_PER_TICK = 10;

export const bench: Bench = {
  name: 'usage',
  goal: `measuring ${CONTAINERS} containers every 15 s < 3 % of a core, MongoDB's share included`,
  async run(context) {
    const servers = await context.servers('mongo');
    const log = createLogger({ level: 'silent', service: 'bench' });
    const mongo = connectMongo(servers.mongoUri, { appName: 'bench', log });
    context.atEnd('the connection to MongoDB', () => mongo.close());
    const stores = collections(mongo.client, servers.databases);
    await ensureIndexes(stores);
    const { engine: listed } = await context.remoteFakeEngine(servers.installation);
    const ids = await seed(listed, servers.installation);
    makeCgroups(context, ids);
    const docker = createDockerEngine({ installation: servers.installation, log });
    context.atEnd('the engine', async () => docker[Symbol.asyncDispose]());
    const readings = await docker.usage(ids);
    if (readings.size !== ids.length)
      throw new Error(`${readings.size} of ${ids.length} control groups were read`);

    // The kernel's files are read as in production; the list comes over a connection, from an engine that has no kernel.
    const engine: Engine = Object.assign(Object.create(listed) as Engine, {
      usage: docker.usage.bind(docker),
    });
    let nowMs = Math.ceil((Date.now() - 7_200_000) / USAGE_WINDOW_MS) * USAGE_WINDOW_MS;
    const sampler = new UsageSampler({
      engine,
      stores,
      everyMs: EVERY_MS,
      clock: { now: () => new Date(nowMs), monotonicMs: () => performance.now() },
      log,
    });
    const ours: number[] = [];
    const mongos: number[] = [];
    const mongoPid = servers.running.mongo?.pid ?? 0;
    // The first window warms up, and has one round less.
    for (let window = 0; window <= WINDOWS; window += 1) {
      const before = { own: process.cpuUsage(), mongoMs: cpuMsOf(mongoPid) };
      for (let round = 0; round < ROUNDS; round += 1, nowMs += EVERY_MS)
        await sampler.measure(context.signal);
      const { user, system } = process.cpuUsage(before.own);
      if (window === 0) continue;
      ours.push(((user + system) / 1000 / USAGE_WINDOW_MS) * 100);
      mongos.push(((cpuMsOf(mongoPid) - before.mongoMs) / USAGE_WINDOW_MS) * 100);
    }
    const both = ours.map((share, at) => share + (mongos[at] ?? 0));
    const figure = (name: string, runs: number[], rest: Partial<Figure> = {}): Figure => ({
      name,
      value: median(runs),
      unit: '% of a core',
      runs,
      ...rest,
    });
    const deps = { collections: stores, everyMs: EVERY_MS, now: () => new Date(nowMs) };
    const timed = async (read: () => Promise<unknown>): Promise<number[]> => {
      const runs: number[] = [];
      for (let run = 0; run < READS; run += 1) {
        const beganMs = performance.now();
        await read();
        runs.push(performance.now() - beganMs);
      }
      return runs;
    };
    const charts = await timed(() => readUsage(deps, { id: 'bot-7' }));
    const tops = await timed(() => topUsage(deps, { order: 'cpu', limit: 20 }));
    const { points } = await readUsage(deps, { id: 'bot-7' });
    if (points.length < ROUNDS * WINDOWS) throw new Error(`Only ${points.length} points are kept`);
    return [
      figure(`${CONTAINERS} containers`, both, { limit: { atMost: 3 } }),
      figure('of it the processor', ours),
      figure('of it MongoDB', mongos),
      { name: 'chart of an hour', value: median(charts), unit: 'ms', runs: charts },
      { name: 'the first twenty', value: median(tops), unit: 'ms', runs: tops },
      await roomOf(stores),
    ];
  },
};

/** What a day of one bot takes in MongoDB, compressed, by what was written so far. */
async function roomOf(stores: ReturnType<typeof collections>): Promise<Figure> {
  const [stats] = await stores.usagePoints
    .aggregate<{ storageStats: { size: number; count: number } }>([{ $collStats: { storageStats: {} } }])
    .toArray();
  const { size = 0, count = 1 } = stats?.storageStats ?? {};
  const kb = ((size / count) * (86_400_000 / USAGE_WINDOW_MS)) / 1024;
  return { name: 'a day of one bot, before compression', value: kb, unit: 'KB', runs: [kb] };
}

async function seed(engine: FakeEngine, installation: string): Promise<string[]> {
  await engine.ensureNetwork();
  const image = await engine.resolveImage('python:3.11-slim');
  if (image === undefined) throw new Error('The fake engine has no image');
  return await Promise.all(
    Array.from({ length: CONTAINERS }, async (_, at) => {
      const id = await engine.create({
        name: `${installation}_bot-${at}`,
        kind: 'bot',
        image,
        command: ['sleep', 'infinity'],
        workingDir: '/',
        env: {},
        labels: { [LABEL.id]: `bot-${at}`, [LABEL.managed]: 'true' },
        limits: {
          memoryBytes: 512 * 1024 * 1024,
          cpus: 1,
          cpuShares: 512,
          pids: 256,
          nofile: 4096,
          nproc: 65_536,
          shmBytes: 16 * 1024 * 1024,
        },
        volumes: [],
        tmpfs: [],
        network: 'bots',
      });
      await engine.start(id);
      return id;
    }),
  );
}

/** Real control groups, without processes: what the kernel does for a read of their files is the same. Needs root. */
function makeCgroups(context: BenchContext, ids: readonly string[]): void {
  const isVersion1 = existsSync(join(CGROUP, 'memory'));
  const controllers = isVersion1 ? ['memory', 'cpuacct', 'cpu', 'pids', 'blkio'] : ['.'];
  for (const controller of controllers) {
    const parent = join(CGROUP, controller, 'docker');
    mkdirSync(parent, { recursive: true });
    const folders = ids.map((id) => join(parent, id)).filter((folder) => !existsSync(folder));
    context.atEnd(`control groups of ${controller}`, async () => {
      for (const folder of folders) if (existsSync(folder)) rmdirSync(folder);
    });
    for (const folder of folders) mkdirSync(folder);
  }
}

/** Of a process and its threads, so far. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
