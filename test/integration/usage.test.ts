import { timestampDate, timestampFromDate, durationFromMs } from '@bufbuild/protobuf/wkt';
import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createFakeEngine, fakeProgram } from '../../infra/engine/fake/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import type { UsageSample } from '../../infra/mongo/usage-documents.ts';
import { LABEL } from '../../model/labels.ts';
import { rollUp } from '../../processors/usage/roll-up.ts';
import { UsageSampler } from '../../processors/usage/sampler.ts';
import { UsageKind, UsageOrder, UsageService } from '../../proto/gen/the0/runtime/v1/usage_pb.js';
import { shellCommand, testImage } from '../conformance/shell.ts';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { removeAll } from '../support/engine.ts';
import { runCli } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { startTestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';
import { SMALL_LIMITS } from '../support/container-limits.ts';

const servers = testServers();
const log = createLogger({ level: 'silent', service: 'test' });
const MINUTE_MS = 60_000;
let api: InProcessApi;

beforeAll(async () => {
  api = await startInProcessApi(servers.environment);
});
afterAll(() => api[Symbol.asyncDispose]());

const stores = () => api.connections.collections;
const client = () => api.client(UsageService);

async function run(engine: Engine, id: string, command: string[], image: string): Promise<string> {
  const container = await engine.create({
    image: (await engine.resolveImage(image)) ?? image,
    name: `${engine.installation}_${id}`,
    kind: id.startsWith('schedule') ? 'run' : 'bot',
    command,
    workingDir: '/tmp',
    env: {},
    labels: { [LABEL.id]: id },
    limits: SMALL_LIMITS,
    volumes: [],
    tmpfs: [],
    network: 'none',
  });
  await engine.start(container);
  return container;
}

async function forget(): Promise<void> {
  const { usageRounds, usagePoints, usageMeans } = stores();
  await Promise.all([usageRounds, usagePoints, usageMeans].map((one) => one.deleteMany({})));
}

const samplerOf = (engine: Engine, now: () => Date) =>
  new UsageSampler({
    engine,
    stores: stores(),
    everyMs: 15_000,
    clock: { now, monotonicMs: () => performance.now() },
    log,
  });

it('what real containers use is measured and found: the busy one first', async () => {
  await forget();
  await using engine = createDockerEngine({ installation: servers.installation, log });
  const image = await testImage(engine);
  try {
    await stores().bots.insertOne({ id: 'busy', config: { name: 'The busy one' } });
    await run(engine, 'busy', shellCommand({ busy: true }), image);
    await run(engine, 'idle', shellCommand({}), image);
    const sampler = samplerOf(engine, () => new Date());
    const { signal } = new AbortController();
    const found = await until(async () => {
      await sampler.measure(signal);
      const list = await client().listUsage({});
      return (list.rows[0]?.usage?.cpuCores ?? 0) > 0.05 && list.count === 2 ? list : undefined;
    });
    expect(found.rows.map(({ id, kind, name }) => [id, UsageKind[kind], name])).toEqual([
      ['busy', 'BOT', 'The busy one'],
      ['idle', 'BOT', ''],
    ]);
    const [busy, idle] = found.rows.map(({ usage }) => usage);
    expect(busy?.cpuCores).toBeGreaterThan(idle?.cpuCores ?? Infinity);
    expect(Number(busy?.memoryBytes)).toBeGreaterThan(0);
    expect(Number(busy?.memoryLimitBytes)).toBe(64 * 1024 * 1024);
    expect(found.total?.containers).toBe(2);
    expect(found.hostCores).toBeGreaterThan(0);
    expect(Number(found.hostMemoryBytes)).toBeGreaterThan(64 * 1024 * 1024);
    const { points } = await client().getUsage({ id: 'busy' });
    expect(points.at(-1)?.cpuCoresMax).toBeGreaterThan(0.05);
  } finally {
    await stores().bots.deleteMany({});
    await removeAll(engine);
  }
});

it('a window that is over becomes points and means of each, once, and its rounds go', async () => {
  await forget();
  const start = Math.floor(Date.now() / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
  let nowMs = start;
  const engine = createFakeEngine({ installation: servers.installation, now: () => nowMs, images: ['x'] });
  await run(engine, 'busy', fakeProgram({ busy: true }), 'x');
  await run(engine, 'schedule-a', fakeProgram({}), 'x');
  const sampler = samplerOf(engine, () => new Date(nowMs));
  const { signal } = new AbortController();
  for (; nowMs < start + 5 * MINUTE_MS; nowMs += 15_000) await sampler.measure(signal);
  const { usageRounds, usagePoints, usageMeans } = stores();
  expect(await usageRounds.countDocuments()).toBe(19);
  expect(await usagePoints.countDocuments()).toBe(0);
  await sampler.measure(signal);
  expect(await usageRounds.countDocuments()).toBe(1);
  const points = await usagePoints.find().sort({ _id: 1 }).toArray();
  expect(points.map(({ _id, at }) => [_id.id, at.length, at[0]])).toEqual([
    ['', 19, 15_000],
    ['busy', 19, 15_000],
    ['schedule-a', 19, 15_000],
  ]);
  expect(points[1]?.cpu).toEqual(Array.from({ length: 19 }, () => 1));
  const means = await usageMeans.find().sort({ _id: 1 }).toArray();
  const minute = String(new Date(start).getUTCMinutes());
  expect(means[1]?.spans[minute]).toMatchObject({ cpu: 1, cpuMax: 1, count: 19, containers: 1 });

  // A process that had lost its lease writes a round late: what is there outranks it.
  const late: UsageSample = { id: 'busy', kind: 'bot', cpu: 9, memory: 9, pids: 9, containers: 1 };
  await usageRounds.insertOne({
    _id: new ObjectId(),
    at: new Date(start + MINUTE_MS + 1),
    everyMs: 15_000,
    host: { cores: 1, memoryBytes: 1 },
    samples: [late],
  });
  await rollUp(stores(), new Date(nowMs));
  expect(await usagePoints.find().sort({ _id: 1 }).toArray()).toEqual(points);
  expect(await usageMeans.find().sort({ _id: 1 }).toArray()).toEqual(means);
  expect(await usageRounds.countDocuments()).toBe(1);
  await engine[Symbol.asyncDispose]();
});

it('a failed round is compared with nothing: no figure spans an outage', async () => {
  await forget();
  const engine = createFakeEngine({ installation: servers.installation, images: ['x'] });
  await run(engine, 'one', fakeProgram({ busy: true }), 'x');
  const sampler = samplerOf(engine, () => new Date());
  const { signal } = new AbortController();
  await sampler.measure(signal);
  await engine.control.setUnavailable(true);
  await expect(sampler.measure(signal)).rejects.toThrow();
  await engine.control.setUnavailable(false);
  await sampler.measure(signal);
  expect(await stores().usageRounds.countDocuments()).toBe(0);
  await sampler.measure(signal);
  expect(await stores().usageRounds.countDocuments()).toBe(1);
  await engine[Symbol.asyncDispose]();
});

it('a chart is made of what is kept: points of a day, means before, and what was measured a moment ago', async () => {
  await forget();
  const { usageRounds, usagePoints, usageMeans } = stores();
  const nowMs = api.connections.now().getTime();
  const minutesAgo = (minutes: number): Date => new Date(nowMs - minutes * MINUTE_MS);
  const rates = {
    diskRead: [5, 5],
    diskWritten: [0, 0],
    networkReceived: [null, null],
    networkSent: [null, null],
  };
  const from = new Date(Math.floor(minutesAgo(20).getTime() / (5 * MINUTE_MS)) * 5 * MINUTE_MS);
  await usagePoints.insertMany([
    {
      _id: { id: 'a', from },
      from,
      at: [0, 60_000],
      cpu: [0.5, 1],
      memory: [100, 300],
      pids: [1, 2],
      containers: [1, 1],
      memoryLimit: 1000,
      ...rates,
    },
  ]);
  const sample: UsageSample = { id: 'a', kind: 'bot', cpu: 0.25, memory: 50, pids: 4, containers: 1 };
  await usageRounds.insertOne({
    _id: new ObjectId(),
    at: minutesAgo(1),
    everyMs: 15_000,
    host: { cores: 2, memoryBytes: 1000 },
    samples: [{ ...sample, id: 'b' }, sample],
  });
  const hour = new Date(Math.floor(minutesAgo(60 * 50).getTime() / (60 * MINUTE_MS)) * 60 * MINUTE_MS);
  await usageMeans.insertOne({
    _id: { id: 'a', from: hour },
    from: hour,
    spans: { 0: { ...sample, cpuMax: 2, memoryMax: 70, count: 20 } },
  });

  const recent = await client().getUsage({ id: 'a', step: durationFromMs(5 * MINUTE_MS) });
  expect(
    recent.points.map(({ cpuCores, cpuCoresMax, memoryBytesMax, pids }) => [
      cpuCores,
      cpuCoresMax,
      Number(memoryBytesMax),
      pids,
    ]),
  ).toEqual([
    [0.75, 1, 300, 2],
    [0.25, 0.25, 50, 4],
  ]);
  expect(recent.points[0]).toMatchObject({ diskRead: 5, memoryLimitBytes: 1000n });
  expect(recent.points[0]?.networkSent).toBeUndefined();
  expect(recent.points[0]?.at && timestampDate(recent.points[0].at)).toEqual(from);

  const old = await client().getUsage({ id: 'a', from: timestampFromDate(minutesAgo(60 * 72)) });
  expect(old.step?.seconds).toBe(900n);
  expect(old.points.map(({ cpuCores, cpuCoresMax }) => [cpuCores, cpuCoresMax])).toEqual([
    [0.25, 2],
    [0.25, 0.25],
  ]);
  expect((await client().getUsage({ id: 'b' })).points).toHaveLength(1);
  expect((await client().getUsage({})).points).toHaveLength(0);
});

it('of nothing that there ever was nothing is told, and neither of too much', async () => {
  await forget();
  await stores().bots.insertOne({ id: 'quiet' });
  expect((await client().getUsage({ id: 'quiet' })).points).toEqual([]);
  expect(await refusalOf(client().getUsage({ id: 'nobody' }))).toMatchObject({
    status: 'NotFound',
    code: 'bot_or_schedule_not_found',
    field: 'id',
  });
  expect(await refusalOf(client().getUsage({ id: 'quiet', step: durationFromMs(1) }))).toMatchObject({
    status: 'InvalidArgument',
    code: 'too_much',
    field: 'step',
  });
  await stores().bots.deleteMany({});
});

it('of long ago is not now', async () => {
  await forget();
  const sample: UsageSample = { id: 'a', kind: 'bot', cpu: 1, memory: 1, pids: 1, containers: 1 };
  const round = { everyMs: 15_000, host: { cores: 2, memoryBytes: 5 }, samples: [sample] };
  const now = api.connections.now().getTime();
  await stores().usageRounds.insertOne({ _id: new ObjectId(), at: new Date(now - 2 * MINUTE_MS), ...round });
  const none = await client().listUsage({});
  expect([none.rows, none.at, none.total]).toEqual([[], undefined, undefined]);
  await stores().usageRounds.insertOne({ _id: new ObjectId(), at: new Date(now - 20_000), ...round });
  const found = await client().listUsage({ order: UsageOrder.MEMORY, kind: UsageKind.BOT, limit: 5 });
  expect(found.rows.map(({ id }) => id)).toEqual(['a']);
  expect((await client().listUsage({ kind: UsageKind.SCHEDULE })).rows).toEqual([]);
  const { stdout } = await runCli(['top', '--sort', 'memory', '--json'], servers.environment);
  expect(JSON.parse(stdout)).toMatchObject({
    count: 1,
    hostCores: 2,
    rows: [{ id: 'a', kind: 'bot', cpuCores: 1 }],
  });
});

it('whoever holds the engine measures by itself', async () => {
  await forget();
  const { NATS_URL: _unused, ...environment } = servers.environment;
  const engine = createFakeEngine({ installation: servers.installation, images: ['x'] });
  await using _runner = await startTestRunner({
    environment: { ...environment, USAGE_INTERVAL: '1s' },
    engine,
  });
  const round = await until(() => stores().usageRounds.findOne({}));
  expect(round).toMatchObject({ everyMs: 1000, host: { cores: 64 }, samples: [{ id: '', kind: 'all' }] });
});
