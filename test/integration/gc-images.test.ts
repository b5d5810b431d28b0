import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { containerName } from '../../model/names.ts';
import { EngineSweep } from '../../processors/gc/engine-sweep.ts';
import { ImageRecords } from '../../processors/image-records.ts';
import { Images } from '../../processors/images.ts';
import { testKeeping } from '../support/keeping.ts';
import { until } from '../support/poll.ts';
import { DAY_MS, GcWorld, HOUR_MS } from './gc-world.ts';

/** Images that nothing uses any more, on a fake engine with a registry. */
const world = new GcWorld();
const { installation } = world.servers;
const signal = new AbortController().signal;
let engine: FakeEngine;
let images: Images;
let records: ImageRecords;
beforeEach(async () => {
  const { pulledImages } = world.collections;
  await pulledImages.deleteMany({});
  engine = createFakeEngine({ installation, images: ['theirs:1'], registry: ['ours:1', 'ours:2'] });
  records = new ImageRecords(pulledImages, world.now);
  images = new Images({ engine, log: world.log, records, patienceMs: 30_000, now: world.now });
});
afterEach(async () => {
  await images[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const sweep = (imageUnusedMs: number): EngineSweep =>
  new EngineSweep({
    engine,
    collections: world.collections,
    code: { collectUnused: async () => ({ unused: [], leftBehind: [], helpers: [] }) },
    keeping: testKeeping(),
    policy: { graceMs: DAY_MS, maxSharePercent: 25, codeUnusedMs: DAY_MS, imageUnusedMs, stopGraceMs: 100 },
    now: world.now,
    log: world.log,
  });
const real = { dryRun: false, signal } as const;

/** As a start asks for it; resolves once that is on record. */
async function start(reference: string): Promise<string> {
  const id = await images.ensure(reference);
  const { pulledImages } = world.collections;
  if (reference.startsWith('ours'))
    await until(
      async () =>
        (await pulledImages.findOne({ _id: reference, usedAt: { $gt: new Date(world.now() - HOUR_MS) } })) !==
        null,
      { what: 'the record of the image' },
    );
  return id;
}

describe('an image', () => {
  it('goes once nothing used it for so long, where we pulled it; others’ never', async () => {
    await start('theirs:1');
    await start('ours:1');
    await start('ours:2');
    world.aheadMs = 6 * DAY_MS;
    await start('ours:2');
    world.aheadMs = 8 * DAY_MS;
    expect((await sweep(0).run(real)).counts).toEqual({});
    const told = await sweep(7 * DAY_MS).run({ ...real, dryRun: true });
    expect(told.items).toEqual([
      expect.objectContaining({
        kind: 'image',
        name: 'ours:1',
        why: expect.stringMatching(/this installation pulled it, and nothing used it for 19\d h/) as string,
      }),
    ]);
    expect(await engine.resolveImage('ours:1')).toBeDefined();
    expect(await sweep(7 * DAY_MS).run(real)).toEqual(told);
    expect(await engine.resolveImage('ours:1')).toBeUndefined();
    expect(await engine.resolveImage('ours:2')).toBeDefined();
    expect(await engine.resolveImage('theirs:1')).toBeDefined();
    // Whoever wants it has it pulled again, and it is on record again.
    await start('ours:1');
    expect((await sweep(7 * DAY_MS).run(real)).counts).toEqual({});
  });

  it('stays as long as a container uses it, and is not as old from then on', async () => {
    const image = await start('ours:1');
    const id = await engine.create({
      name: containerName(installation, 'b'),
      kind: 'bot',
      image,
      command: ['true'],
      workingDir: '/',
      env: {},
      labels: {},
      limits: { memoryBytes: 64e6, cpus: 1, cpuShares: 100, pids: 64, nofile: 64, nproc: 64, shmBytes: 1e6 },
      volumes: [],
      tmpfs: [],
      network: 'none',
    });
    world.aheadMs = 8 * DAY_MS;
    expect((await sweep(7 * DAY_MS).run(real)).counts).toEqual({});
    await engine.remove(id);
    expect((await sweep(7 * DAY_MS).run(real)).counts).toEqual({});
    world.aheadMs = 16 * DAY_MS;
    expect((await sweep(7 * DAY_MS).run(real)).counts).toEqual({ image: 1 });
  });

  it('that the engine will not let go of stays on record, and is tried again', async () => {
    await start('ours:1');
    await start('ours:2');
    world.aheadMs = 8 * DAY_MS;
    await engine.control.failNext({ call: 'removeImage', error: 'unavailable' });
    const found = await sweep(7 * DAY_MS).run(real);
    expect(found.problems).toEqual([expect.stringContaining('Unused images could not be collected')]);
    expect(await world.collections.pulledImages.countDocuments()).toBe(2);
    expect((await sweep(7 * DAY_MS).run(real)).counts).toEqual({ image: 2 });
    expect(await world.collections.pulledImages.countDocuments()).toBe(0);
  });
});
