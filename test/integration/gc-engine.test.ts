import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectRedis } from '../../infra/redis.ts';
import { EngineFailed } from '../../infra/engine/errors.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import type { ContainerKind, ContainerSpec } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { containerName, launchVolumeName, stateVolumeName } from '../../model/names.ts';
import { EngineSweep, type EngineSweepDeps } from '../../processors/gc/engine-sweep.ts';
import { createSweepWorker } from '../../processors/gc/sweep-worker.ts';
import { DataQueues } from '../../queues/data-queues.ts';
import { until } from '../support/poll.ts';
import { testKeeping } from '../support/keeping.ts';
import { DAY_MS, GcWorld, HOUR_MS } from './gc-world.ts';

/** The engine's part, on a fake one: what goes, and for what reason. */
const world = new GcWorld();
const { installation } = world.servers;
const engine = createFakeEngine({ installation, images: ['test:1'] });
const signal = new AbortController().signal;
const NO_CODE = { unused: [], leftBehind: [], helpers: [] };
let image = '';

beforeAll(async () => {
  image = (await engine.resolveImage('test:1')) ?? '';
});
beforeEach(async () => {
  for (const { id } of await engine.list()) await engine.remove(id, { force: true });
  for (const { name } of await engine.listVolumes()) await engine.removeVolume(name);
});
afterAll(() => engine[Symbol.asyncDispose]());

const sweep = (more: Partial<EngineSweepDeps> = {}): EngineSweep =>
  new EngineSweep({
    engine,
    collections: world.collections,
    code: { collectUnused: async () => NO_CODE },
    keeping: testKeeping(),
    policy: {
      graceMs: DAY_MS,
      maxSharePercent: 25,
      codeUnusedMs: DAY_MS,
      imageUnusedMs: 0,
      stopGraceMs: 100,
    },
    now: world.now,
    log: world.log,
    ...more,
  });
const real = { dryRun: false, signal } as const;

/** A bot's container with its two volumes; `up`: running, else ended. */
async function leave(id: string, { up = false, container = true } = {}): Promise<void> {
  const labels = { [LABEL.id]: id };
  const volumes = [
    { volume: stateVolumeName(installation, id), path: '/state', readOnly: false, labels },
    { volume: launchVolumeName(installation, id), path: '/launch', readOnly: false, labels },
  ];
  if (!container) {
    for (const { volume } of volumes) await engine.createVolume(volume, labels);
    return;
  }
  const containerId = await engine.create(spec(containerName(installation, id), 'bot', labels, volumes));
  await engine.start(containerId);
  if (!up) await engine.control.exit(containerId, 0);
}

const spec = (
  name: string,
  kind: ContainerKind,
  labels: ContainerSpec['labels'],
  volumes: ContainerSpec['volumes'],
): ContainerSpec => ({
  name,
  kind,
  image,
  command: ['true'],
  workingDir: '/',
  env: {},
  labels,
  limits: { memoryBytes: 64e6, cpus: 1, cpuShares: 100, pids: 64, nofile: 64, nproc: 64, shmBytes: 1e6 },
  volumes,
  tmpfs: [],
  network: 'none',
});

async function there(): Promise<string[]> {
  const [containers, volumes] = await Promise.all([engine.list(), engine.listVolumes()]);
  return [...containers, ...volumes].map(({ name }) => name.slice(installation.length + 1)).sort();
}
const all = (id: string): string[] => [`bot_${id}`, `launch_${id}`, `state_${id}`];

describe('what deleted bots left on the engine', () => {
  it('goes once the grace is over, and nothing of others', async () => {
    await world.lives('lives', 'again');
    for (const id of ['gone', 'schedule', 'fresh', 'lives', 'again', 'nobodys']) await leave(id);
    await world.deleted('gone', 25 * HOUR_MS);
    await world.deleted('schedule', 25 * HOUR_MS, 'scheduleEventOrder');
    await world.deleted('fresh', 23 * HOUR_MS);
    await world.deleted('again', 25 * HOUR_MS);
    await world.lives('again');
    const found = await sweep().run(real);
    expect(found).toMatchObject({ counts: { container: 2, volume: 4 }, problems: [], unknown: [] });
    expect(found.items).toContainEqual(
      expect.objectContaining({
        kind: 'volume',
        name: `${installation}_state_gone`,
        why: 'its bot was deleted 25 h ago',
      }),
    );
    expect(await there()).toEqual(['fresh', 'lives', 'again', 'nobodys'].flatMap(all).sort());
    expect(await world.collections.gcReports.findOne({ part: 'engine' })).toMatchObject({
      counts: { container: 2, volume: 4 },
    });
  });

  it('is the config with its owner’s keys after an hour already, where no container uses it', async () => {
    await leave('gone', { container: false });
    await leave('ended');
    await world.deleted('gone', 1.5 * HOUR_MS);
    await world.deleted('ended', 1.5 * HOUR_MS);
    await sweep().run(real);
    expect(await there()).toEqual(['state_gone', ...all('ended')].sort());
  });

  it('stays where it runs all the same, and the report says so', async () => {
    await leave('gone', { up: true });
    await world.deleted('gone', 25 * HOUR_MS);
    const found = await sweep().run(real);
    expect(found.problems.join()).toContain('runs although its bot was deleted');
    expect(await there()).toEqual(all('gone'));
  });

  it('stays where too large a share would go, until a person says so', async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `gone-${index}`);
    for (const id of ids) {
      await leave(id, { container: false });
      await world.deleted(id, 25 * HOUR_MS);
    }
    const states = ids.map((id) => `state_${id}`).sort();
    const found = await sweep().run(real);
    expect(found.problems.join()).toContain('11 of 11 bots');
    expect((await there()).filter((name) => name.startsWith('state'))).toEqual(states);
    expect((await sweep().run({ ...real, confirmed: new Set(ids) })).counts).toEqual({ volume: 11 });
    expect(await there()).toEqual([]);
  });

  it('goes by a person’s word only where they have seen it: the others stay where they are too many', async () => {
    const ids = Array.from({ length: 13 }, (_, index) => `gone-${10 + index}`);
    for (const id of ids) {
      await leave(id, { container: false });
      await world.deleted(id, 25 * HOUR_MS);
    }
    const told = await sweep().run({ ...real, dryRun: true });
    expect(told.going).toEqual(ids);
    const found = await sweep().run({ ...real, confirmed: new Set(ids.slice(0, 2)) });
    expect(found.problems.join()).toContain('11 of 11 bots');
    const states = (await there()).filter((name) => name.startsWith('state'));
    expect(states).toEqual(ids.slice(2).map((id) => `state_${id}`));
  });

  it('stays where it was made again since it was looked at', async () => {
    await leave('first');
    await leave('second');
    await world.deleted('first', 25 * HOUR_MS);
    await world.deleted('second', 25 * HOUR_MS);
    let isMade = false;
    const remaking = new Proxy(engine, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const bound = (value as (...args: unknown[]) => unknown).bind(target);
        if (name !== 'remove') return bound;
        return async (...args: unknown[]) => {
          if (!isMade) await world.lives('second');
          isMade = true;
          return bound(...args);
        };
      },
    });
    expect((await sweep({ engine: remaking }).run(real)).counts).toEqual({ container: 1, volume: 2 });
    expect(await there()).toEqual(all('second'));
  });

  it('keeps nothing else from going where the engine will not let go of it', async () => {
    for (const id of ['first', 'second']) {
      await leave(id);
      await world.deleted(id, 25 * HOUR_MS);
    }
    const refusing = new Proxy(engine, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const bound = (value as (...args: unknown[]) => unknown).bind(target);
        if (name !== 'remove') return bound;
        return async (id: string) => {
          const view = await target.inspect(id);
          if (view?.labels[LABEL.id] === 'first') throw new EngineFailed('the device is busy');
          return bound(id);
        };
      },
    });
    const found = await sweep({ engine: refusing }).run(real);
    expect(found.problems).toEqual([expect.stringContaining('What first left could not be removed: ')]);
    expect(found.problems.join()).toContain('the device is busy');
    expect(await there()).toEqual(all('first'));
  });

  it('stays where the database is empty, and is named once it is older than the grace', async () => {
    await leave('nobodys');
    expect(await sweep().run(real)).toMatchObject({ counts: {}, unknown: [] });
    world.aheadMs = 25 * HOUR_MS;
    expect(await sweep().run(real)).toMatchObject({ counts: {}, unknown: ['nobodys'], unknownCount: 1 });
    expect(await there()).toEqual(all('nobodys'));
  });
});

describe('a sweep of the engine', () => {
  it('as a dry run changes nothing, and tells what the real one then does', async () => {
    await leave('gone');
    await leave('other', { container: false });
    await world.deleted('gone', 25 * HOUR_MS);
    await world.deleted('other', 25 * HOUR_MS);
    const before = await there();
    const told = await sweep().run({ ...real, dryRun: true });
    expect(await there()).toEqual(before);
    expect(await world.collections.gcReports.countDocuments()).toBe(0);
    const found = await sweep().run(real);
    expect(found).toEqual(told);
    expect(found.counts).toEqual({ container: 1, volume: 4 });
    expect(await there()).toEqual([]);
  });

  it('takes its other steps where one fails, and ends it the next time', async () => {
    await leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    await engine.control.failNext({ call: 'removeVolume', error: 'unavailable' });
    const code = { collectUnused: async () => ({ ...NO_CODE, unused: ['code-1'] }) };
    const found = await sweep({ code }).run(real);
    expect(found.problems).toEqual([
      expect.stringContaining('What deleted bots left could not be collected'),
    ]);
    expect(found.counts).toMatchObject({ container: 1, code: 1 });
    expect((await sweep().run(real)).counts).toEqual({ volume: 2 });
    expect(await there()).toEqual([]);
  });

  it('is asked for by a job, which gives back what was found', async () => {
    await leave('gone');
    await world.deleted('gone', 25 * HOUR_MS);
    const onError = (): void => undefined;
    const redis = connectRedis(world.servers.redisUrl, { role: 'producer', onError });
    const blocking = connectRedis(world.servers.redisUrl, { role: 'worker', onError });
    const outcomes: string[] = [];
    const worker = createSweepWorker({
      sweep: sweep(),
      installation,
      connection: blocking,
      log: world.log,
      onOutcome: (queue, outcome) => outcomes.push(`${queue} ${outcome}`),
      onError,
    });
    try {
      await until(() => redis.status === 'ready', { what: 'Redis' });
      await using queues = new DataQueues({ connection: redis, installation, onError });
      const id = await queues.sweep({ cause: 'a test', dryRun: false });
      worker.start();
      const queue = queues.byName['engine-sweep'];
      const job = await until(
        async () => {
          const now = await queue.getJob(id ?? '');
          // Read before it ended, it has no return value.
          return (await now?.isCompleted()) === true ? queue.getJob(id ?? '') : undefined;
        },
        { what: 'the sweep' },
      );
      expect(JSON.parse(String(job.returnvalue))).toMatchObject({ counts: { container: 1, volume: 2 } });
      expect(outcomes).toEqual(['engine-sweep succeeded']);
    } finally {
      await worker.stop(5_000);
      blocking.disconnect();
      redis.disconnect();
    }
  });
});
