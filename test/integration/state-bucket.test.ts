import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFakeEngine } from '../../infra/engine/fake/index.ts';
import { BucketMark, WrongBucket } from '../../processors/state/bucket-mark.ts';
import type { StateKeeper } from '../../processors/state/keeper.ts';
import { StateWorld } from './state-world.ts';

const KEY = '.the0-bucket';
let world: StateWorld;
let keeper: StateKeeper;

/** Of a process that just started: nothing is known from before. */
const mark = (): BucketMark =>
  new BucketMark({
    s3: world.s3,
    bucket: world.bucket,
    installation: world.all.installation,
    now: Date.now,
  });

beforeAll(async () => {
  world = await StateWorld.open(async ({ installation }) => {
    const engine = createFakeEngine({ installation, images: ['test:1'] });
    return { engine, image: (await engine.resolveImage('test:1')) ?? '' };
  });
  keeper = world.keeperWith({ assertOurBucket: (signal) => mark().assertOurs(signal) });
});
afterAll(() => world?.[Symbol.asyncDispose]());

async function savedBot(id: string): Promise<void> {
  await keeper.restore(id, await world.container(id), { nonce: id, signal: world.signal });
  await world.write(id, { 'counter.txt': '41' });
  expect(await keeper.save(id, world.signal)).toMatchObject({ kind: 'saved' });
}

const start = async (id: string): Promise<void> =>
  keeper.restore(id, await world.container(id), { nonce: `${id}-again`, signal: world.signal });

it('is marked once, however many do so at the same time', async () => {
  const values = await Promise.all([mark(), mark(), mark()].map((each) => each.ensure(world.signal)));
  expect(new Set(values).size).toBe(1);
  await expect(mark().assertOurs(world.signal)).resolves.toBeUndefined();
});

it('an archive that is gone from it was deleted by the platform', async () => {
  await savedBot('deleted');
  await world.s3.remove(world.bucket, 'deleted/state.tar.gz');
  expect(await keeper.examine('deleted', world.signal)).toEqual({ kind: 'platform' });
  await start('deleted');
  expect(await world.volume('deleted')).not.toHaveProperty('counter.txt');
});

it('from one that was emptied or mixed up nothing is concluded, and no bot starts empty', async () => {
  await savedBot('kept');
  const { content } = await world.s3.conditional.read(world.bucket, KEY, { maxBytes: 100 });
  await world.s3.remove(world.bucket, 'kept/state.tar.gz');
  await world.s3.remove(world.bucket, KEY);

  await expect(start('kept')).rejects.toMatchObject({ code: 'state_unavailable', retryable: true });
  await expect(keeper.examine('kept', world.signal)).rejects.toBeInstanceOf(WrongBucket);
  expect(await world.all.botState.findOne({ _id: 'kept' })).not.toHaveProperty('platformEtag');
  await world.write('kept', { 'counter.txt': '42' });
  await expect(keeper.save('kept', world.signal)).rejects.toBeInstanceOf(WrongBucket);
  expect(await world.volume('kept')).toMatchObject({ 'counter.txt': '42' });

  // Another process does not mark it anew: what is on record stays.
  expect(await mark().ensure(world.signal)).toBe(content.toString());
  await expect(mark().assertOurs(world.signal)).rejects.toThrow(content.toString());

  // What the message says helps.
  await world.s3.put(world.bucket, KEY, content);
  await start('kept');
  expect(await world.volume('kept')).not.toHaveProperty('counter.txt');
});
