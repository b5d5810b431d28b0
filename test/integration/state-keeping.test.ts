import type { Engine } from '../../infra/engine/port.ts';
import { StateRecords } from '../../processors/state/records.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { WrongBucket } from '../../processors/state/bucket-mark.ts';
import { testImage } from '../conformance/shell.ts';
import { StateWorld } from './state-world.ts';

const log = createLogger({ level: 'silent', service: 'test' });
const engines = [
  {
    name: 'the fake engine',
    open: () =>
      StateWorld.open(async ({ installation }) => {
        const engine = createFakeEngine({ installation, images: ['test:1'] });
        return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
      }),
  },
  {
    name: 'Docker, at the mount points',
    open: () =>
      StateWorld.open(async ({ installation }) => {
        const engine = createDockerEngine({ installation, log });
        return { engine, image: await testImage(engine) };
      }),
  },
  {
    name: 'Docker, through the engine',
    open: () =>
      StateWorld.open(async ({ installation }) => {
        const engine = createDockerEngine({ installation, log, localVolumes: false });
        return { engine, image: await testImage(engine) };
      }),
  },
];

describe.each(engines)('state on $name', ({ open }) => {
  let world: StateWorld;
  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('goes to the archive and comes back onto a new volume', async () => {
    await world.restore('there');
    const files = { '.the0-state/counter.json': '41', 'own/deep/notes.txt': 'käse', 'odd\nname': 'x' };
    await world.write('there', files);
    expect(await world.save('there')).toMatchObject({ kind: 'saved', files: 3, problems: [], again: false });
    const expected = { '.the0-state/': '', 'own/': '', 'own/deep/': '', ...files };
    expect(await world.archive('there')).toEqual(expected);
    await world.loseVolume('there');
    await world.restore('there');
    expect(await world.volume('there')).toEqual(expected);
    const before = await world.s3.stat(world.bucket, 'there/state.tar.gz');
    expect(await world.save('there')).toMatchObject({ kind: 'unchanged' });
    expect((await world.s3.stat(world.bucket, 'there/state.tar.gz')).lastModified).toEqual(
      before.lastModified,
    );
  });

  it('uploads nothing for a bot that never kept anything, and an empty archive for one that deleted all', async () => {
    await world.restore('empty');
    expect(await world.save('empty')).toMatchObject({ kind: 'unchanged' });
    expect(await world.archive('empty')).toBeUndefined();
    await world.write('empty', { 'a.txt': 'a' });
    expect(await world.save('empty')).toMatchObject({ kind: 'saved', files: 1 });
    await world.engine.emptyVolume(`${world.engine.installation}_state_empty`, { image: world.image });
    expect(await world.save('empty')).toMatchObject({ kind: 'saved', files: 0 });
    expect(await world.archive('empty')).toEqual({});
    await world.loseVolume('empty');
    await world.restore('empty');
    expect(await world.volume('empty')).toEqual({ '.the0-state/': '' });
  });

  it('lets the platform win: an edit goes onto the volume at the next start, and a save never overwrites it', async () => {
    await world.restore('edited');
    await world.write('edited', { '.the0-state/a.json': '1', 'mine.txt': 'mine' });
    await world.save('edited');
    await world.platformPuts('edited', { '.the0-state/': '', '.the0-state/a.json': '2' });
    await world.write('edited', { '.the0-state/a.json': '3' });
    expect(await world.save('edited')).toEqual({ kind: 'platform' });
    expect(await world.save('edited')).toEqual({ kind: 'platform' });
    expect(await world.archive('edited')).toMatchObject({ '.the0-state/a.json': '2' });
    await world.restore('edited');
    expect(await world.volume('edited')).toEqual({ '.the0-state/': '', '.the0-state/a.json': '2' });
    await world.write('edited', { '.the0-state/a.json': '4' });
    expect(await world.save('edited')).toMatchObject({ kind: 'saved' });
    await world.s3.remove(world.bucket, 'edited/state.tar.gz');
    await world.write('edited', { '.the0-state/a.json': '5' });
    expect(await world.save('edited')).toEqual({ kind: 'platform' });
    await world.restore('edited');
    expect(await world.volume('edited')).toEqual({ '.the0-state/': '' });
  });

  it('empties what a person deleted, although it was never saved, and saves nothing of it meanwhile', async () => {
    const records = new StateRecords(world.all.botState, Date.now);
    expect(await records.discard('unsaved', 'somebody')).toBe(false);
    await world.restore('unsaved');
    await world.write('unsaved', { 'a.txt': 'a' });
    expect(await records.discard('unsaved', 'somebody')).toBe(true);
    expect(await world.save('unsaved')).toEqual({ kind: 'platform' });
    await world.restore('unsaved');
    expect(await world.volume('unsaved')).toEqual({ '.the0-state/': '' });
    expect(await world.all.botState.findOne({ _id: 'unsaved' })).not.toHaveProperty('discard');
    await world.write('unsaved', { 'a.txt': 'b' });
    expect(await world.save('unsaved')).toMatchObject({ kind: 'saved', files: 1 });
    expect(await world.archive('unsaved')).toMatchObject({ 'a.txt': 'b' });
  });

  it('is saved on while its bot runs, although what is on record of it was lost', async () => {
    for (const id of ['kept', 'refilled', 'never']) await world.restore(id);
    for (const id of ['kept', 'refilled']) {
      await world.write(id, { 'a.txt': '1' });
      await world.save(id);
    }
    await world.platformPuts('refilled', { 'a.txt': 'the platform’s' });
    await world.restore('refilled');
    await world.write('refilled', { 'a.txt': '2' });
    await world.save('refilled');
    const { epoch } = (await world.all.botState.findOne({ _id: 'refilled' })) ?? {};
    for (const id of ['kept', 'refilled', 'never']) {
      await world.all.botState.deleteOne({ _id: id });
      await world.write(id, { 'a.txt': '3' });
      expect(await world.save(id)).toMatchObject({ kind: 'saved', files: 1 });
      expect(await world.archive(id)).toMatchObject({ 'a.txt': '3' });
    }
    expect(await world.all.botState.findOne({ _id: 'refilled' })).toMatchObject({ epoch: epoch ?? 0 });
    await world.restore('refilled');
    expect(await world.volume('refilled')).toMatchObject({ 'a.txt': '3' });
    // What somebody else wrote is not overwritten by a volume of which nothing is known.
    await world.all.botState.deleteOne({ _id: 'kept' });
    await world.platformPuts('kept', { 'a.txt': 'the platform’s' });
    await world.write('kept', { 'a.txt': '4' });
    expect(await world.save('kept')).toMatchObject({ kind: 'not-ready' });
    expect(await world.archive('kept')).toMatchObject({ 'a.txt': 'the platform’s' });
  });

  it('is what somebody put into the bucket since, where nothing is on record any more', async () => {
    const put = async (id: string): Promise<void> => {
      await world.restore(id);
      await world.write(id, { 'a.txt': 'the bot’s' });
      await world.save(id);
      await world.platformPuts(id, { 'a.txt': 'the platform’s' });
      await world.all.botState.deleteOne({ _id: id });
    };
    await put('lost');
    await put('lost-quiet');
    // Not clearly later than what the bot wrote: that counts.
    await world.restore('lost');
    expect(await world.volume('lost')).toMatchObject({ 'a.txt': 'the bot’s' });
    const { engine } = world;
    const quiet: Engine = Object.assign(Object.create(engine) as Engine, {
      installation: engine.installation,
      listFiles: async (...asked: Parameters<Engine['listFiles']>) => {
        const listed = await engine.listFiles(...asked);
        const at = String(BigInt(Date.now() - 3_600_000) * 1_000_000n);
        for (const { files } of listed.values()) for (const file of files) file.ctimeNs = at;
        return listed;
      },
    });
    await world.restore('lost-quiet', world.keeperWith({ engine: quiet }));
    expect(await world.volume('lost-quiet')).toMatchObject({ 'a.txt': 'the platform’s' });
  });

  it('keeps so many earlier archives', async () => {
    await world.restore('history');
    for (let count = 0; count < 6; count += 1) {
      await world.write('history', { 'count.txt': String(count) });
      expect(await world.save('history')).toMatchObject({ kind: 'saved' });
    }
    const kept = await world.s3.list(world.bucket, '.history/history/');
    expect(kept).toHaveLength(3);
    const contents = await Promise.all(kept.map(({ key }) => world.archive('history', key)));
    expect(contents.map((files) => files?.['count.txt']).sort()).toEqual(['2', '3', '4']);
  });

  it('is filled by one at a time: who comes late touches nothing', async () => {
    await world.restore('late');
    await world.write('late', { 'counter.txt': '1' });
    await world.save('late');
    await world.loseVolume('late');
    // While the first still gets the archive, another one fills the volume, and its bot works on.
    const s3 = new Proxy(world.s3, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]): Promise<unknown> => {
          if (name === 'download') {
            await world.restore('late');
            await world.write('late', { 'counter.txt': '2' });
          }
          return Reflect.apply(value, target, given) as unknown;
        };
      },
    });
    await expect(world.restore('late', world.keeperWith({ s3 }))).rejects.toMatchObject({
      code: 'state_unavailable',
      retryable: true,
    });
    expect(await world.volume('late')).toMatchObject({ 'counter.txt': '2' });
    expect(await world.all.botState.findOne({ _id: 'late' })).not.toHaveProperty('restoring');
    await world.restore('late');
    expect(await world.volume('late')).toMatchObject({ 'counter.txt': '2' });
  });

  it('that was being filled for the first time is not left empty because the bucket is another', async () => {
    await world.all.botState.insertOne({
      _id: 'begun',
      restoring: true,
      epoch: 1,
      volume: '',
      updatedAt: new Date(),
    });
    const elsewhere = world.keeperWith({
      assertOurBucket: () => Promise.reject(new WrongBucket(world.bucket, 'mark')),
    });
    await expect(world.restore('begun', elsewhere)).rejects.toMatchObject({ code: 'state_unavailable' });
  });

  it('is not saved from a volume that was made anew while it was read', async () => {
    await world.restore('anew');
    await world.write('anew', { 'counter.txt': '1' });
    await world.save('anew');
    await world.write('anew', { 'counter.txt': '2' });
    const [volume] = await world.engine.listVolumes({ [LABEL.id]: 'anew' });
    const engine = new Proxy(world.engine, {
      get: (target, name) => {
        if (name !== 'inspectVolume') return Reflect.get(target, name, target) as unknown;
        return () => Promise.resolve({ ...volume, labels: { ...volume?.labels, [LABEL.made]: 'other' } });
      },
    });
    await expect(world.save('anew', world.keeperWith({ engine }))).rejects.toMatchObject({
      code: 'state_changed',
    });
    expect(await world.archive('anew')).toMatchObject({ 'counter.txt': '1' });
  });
});
