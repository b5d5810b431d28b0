import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listingFingerprint } from '../../processors/state/manifest.ts';
import { MB, openWatchWorld, type WatchWorld } from './state-watch-world.ts';

let world: WatchWorld;
const signal = new AbortController().signal;
beforeEach(async () => {
  world = await openWatchWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** One look, so long after the last one. */
async function look(afterMs = 10_000): Promise<string[]> {
  world.pass(afterMs);
  await world.watch.look(signal);
  return world.asked();
}

async function lookAtBucket(): Promise<string[]> {
  await world.bucket.look(signal);
  return world.asked();
}

/** As a save leaves it. */
async function saved(id: string, etag: string): Promise<void> {
  const listing = await world.engine.listFiles([`${world.engine.installation}_state_${id}`], {
    maxFiles: 50,
    image: '',
  });
  world.etags.set(id, etag);
  await world.collections.botState.updateOne(
    { _id: id },
    {
      $set: {
        etag,
        listing: listingFingerprint([...listing.values()][0]?.files ?? []),
        updatedAt: new Date(),
      },
    },
    { upsert: true },
  );
}

describe('changes', () => {
  it('of what runs are saved once they are quiet, and what is saved is left alone', async () => {
    const id = await world.bot();
    world.files(id, { 'a.json': 10 });
    expect(await look()).toEqual([]);
    expect(await look()).toEqual([`state-sync ${id}`]);
    await saved(id, 'e1');
    expect(await look()).toEqual([]);
    world.files(id, { 'a.json': 11 });
    expect(await look()).toEqual([]);
    expect(await look()).toEqual([`state-sync ${id}`]);
  });

  it('are saved of what is not on record either: our database may have been lost while it ran', async () => {
    const id = await world.bot();
    await world.collections.botState.deleteOne({ _id: id });
    world.files(id, { 'a.json': 10 });
    expect(await look()).toEqual([]);
    expect(await look()).toEqual([`state-sync ${id}`]);
    expect(await look()).toEqual([]);
  });

  it('that never rest are saved all the same', async () => {
    const id = await world.bot();
    const asked: string[][] = [];
    for (let step = 0; step < 7; step += 1) {
      world.files(id, { 'a.json': step });
      asked.push(await look());
    }
    expect(asked.map((jobs) => jobs.length)).toEqual([0, 0, 0, 1, 0, 0, 1]);
  });

  it('of a run are saved under its schedule', async () => {
    const { scheduleId } = await world.run();
    world.files(scheduleId, { 'a.json': 10 });
    await look();
    expect(await look()).toEqual([`state-sync ${scheduleId}`]);
  });

  it('of what rests, and was not saved when it ended, are found', async () => {
    const [id, deleted] = [await world.bot(), await world.bot()];
    world.files(id, { 'a.json': 10 });
    world.files(deleted, { 'a.json': 10 });
    await world.end(id);
    await world.end(deleted);
    await world.collections.bots.deleteOne({ id: deleted });
    const rest = async (): Promise<string[]> => {
      world.pass(600_000);
      await world.watch.lookAtResting(signal);
      return world.asked();
    };
    expect(await rest()).toEqual([]);
    expect(await rest()).toEqual([`state-sync ${id}`]);
    await saved(id, 'e1');
    expect(await rest()).toEqual([]);
  });
});

describe('a state over its limit', () => {
  it.each([
    ['of the operator', {}, { big: 101 * MB }, 'takes 101Mi, and 100Mi are allowed'],
    ['of its own', { state_limit: '2Mi' }, { big: 3 * MB }, 'takes 3Mi, and 2Mi are allowed'],
    ['of its own, in many files', { state_limit: '2Mi' }, { a: MB, b: MB, c: 1 }, 'and 2Mi are allowed'],
  ])('%s stops its bot, and says why', async (_whose, config, files, reason) => {
    const id = await world.bot(config);
    world.files(id, files);
    const [job = '', ...more] = await look();
    expect(more).toEqual([]);
    expect(job).toContain(`stop ${id}: Its state `);
    expect(job).toContain(reason);
    const state = await world.collections.botState.findOne({ _id: id });
    expect(state?.overLimit?.reason).toContain(reason);
  });

  it('in files stops its bot', async () => {
    const [many, cut, within] = [await world.bot(), await world.bot(), await world.bot()];
    const names = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 1]));
    world.files(many, names(51));
    world.files(cut, names(50), { complete: false });
    world.files(within, names(50));
    const jobs = await look();
    expect(jobs.map((job) => job.split(':')[0]).sort()).toEqual([`stop ${many}`, `stop ${cut}`].sort());
    expect(jobs[0]).toContain('more than 50 files');
  });

  it('in files that its bot asked to be held to stops it, and it is let go once it asks for more', async () => {
    await using wide = await openWatchWorld({ stateFiles: 1_000 });
    const [held, free] = [await wide.bot({ state_files: 150 }), await wide.bot()];
    const files = Object.fromEntries(Array.from({ length: 151 }, (_, n) => [`f${n}`, 1]));
    wide.files(held, files);
    wide.files(free, files);
    await wide.watch.look(signal);
    const [job = '', ...more] = wide.asked();
    expect(more).toEqual([]);
    expect(job).toContain(`stop ${held}: Its state has more than 150 files and folders`);
    expect(job).toContain('Raise config.state_files');
    await wide.end(held);
    await wide.collections.bots.updateOne({ id: held }, { $set: { 'config.state_files': 200 } });
    await wide.bucket.look(signal);
    expect(wide.asked()).toEqual([`start ${held}: its state is within its limit again`]);
  });

  it('is not taken for one where it could not be listed to its end, nor for within it again', async () => {
    const [unread, many, stopped] = [await world.bot(), await world.bot(), await world.bot()];
    world.files(unread, { a: 1 }, { complete: false, unread: true });
    world.files(many, { big: 101 * MB }, { complete: false, unread: true });
    world.files(stopped, { big: 101 * MB });
    const jobs = await look();
    expect(jobs.map((job) => job.split(':')[0]).sort()).toEqual([`stop ${many}`, `stop ${stopped}`].sort());
    await world.end(stopped);
    world.files(stopped, { a: 1 }, { complete: false, unread: true });
    expect(await lookAtBucket()).toEqual([]);
    world.files(stopped, { a: 1 });
    expect(await lookAtBucket()).toEqual([`start ${stopped}: its state is within its limit again`]);
  });

  it('ends a run of its schedule', async () => {
    const { scheduleId, runId } = await world.run({ state_limit: '1Mi' });
    world.files(scheduleId, { big: 2 * MB });
    expect(await look()).toEqual([]);
    const run = await world.collections.runs.findOne({ _id: runId });
    expect(run?.cancel).toMatchObject({ who: 'the runtime' });
    expect(run?.cancel?.why).toContain('takes 2Mi, and 1Mi are allowed');
  });

  it('is let go once it is within it again, by what was deleted or by what is allowed', async () => {
    const id = await world.bot({ state_limit: '2Mi' });
    const other = await world.bot();
    world.files(id, { big: 3 * MB });
    world.files(other, { small: 1 });
    await saved(other, 'e1');
    await look();
    await world.end(id);
    expect(await lookAtBucket()).toEqual([]);
    await world.collections.bots.updateOne({ id }, { $set: { 'config.state_limit': '4Mi' } });
    expect(await lookAtBucket()).toEqual([`start ${id}: its state is within its limit again`]);
    expect(await world.collections.botState.findOne({ _id: id })).not.toHaveProperty('overLimit');
    expect(await lookAtBucket()).toEqual([]);
  });

  it('is let go when the platform deleted it, since the start begins with that', async () => {
    const id = await world.bot({ state_limit: '2Mi' });
    world.files(id, { big: 3 * MB });
    await saved(id, 'e1');
    await look();
    await world.end(id);
    world.etags.delete(id);
    expect(await lookAtBucket()).toEqual([`start ${id}: the platform changed its state`]);
  });
});

describe('an archive that no start could take', () => {
  it('is worth another start once it is another, or gone, or more is allowed, or a person deleted it', async () => {
    const refused = async (): Promise<string> => {
      const id = await world.bot();
      await world.end(id);
      world.etags.set(id, 'bad');
      const facts = { etag: 'bad', ...world.limits, at: new Date() };
      await world.collections.botState.updateOne({ _id: id }, { $set: { refused: facts } });
      return id;
    };
    const [same, changed, gone, deleted] = [
      await refused(),
      await refused(),
      await refused(),
      await refused(),
    ];
    expect(await lookAtBucket()).toEqual([]);
    world.etags.set(changed, 'good');
    world.etags.delete(gone);
    const discard = { who: 'somebody', at: new Date() };
    await world.collections.botState.updateOne({ _id: deleted }, { $set: { discard } });
    expect((await lookAtBucket()).sort()).toEqual(
      [
        `start ${changed}: the platform changed its state`,
        `start ${gone}: the platform changed its state`,
        `start ${deleted}: its state was deleted by hand`,
      ].sort(),
    );
    // Asked for once: a start that fares no better says so anew.
    expect(await lookAtBucket()).toEqual([]);
    world.limits.maxBytes += 1;
    expect(await lookAtBucket()).toEqual([
      `start ${same}: more is allowed of a state than when its own was refused`,
    ]);
  });
});

describe('what is on record already', () => {
  it('lets a bot go that was stopped for its state, where whoever found it died before asking for its start', async () => {
    const [changed, deleted] = [
      await world.bot({ state_limit: '2Mi' }),
      await world.bot({ state_limit: '2Mi' }),
    ];
    for (const id of [changed, deleted]) world.files(id, { big: 3 * MB });
    await saved(changed, 'e1');
    await look();
    for (const id of [changed, deleted]) await world.end(id);
    expect(await lookAtBucket()).toEqual([]);
    const { botState } = world.collections;
    world.etags.set(changed, 'e2');
    await botState.updateOne({ _id: changed }, { $set: { platformEtag: 'e2' } });
    await botState.updateOne({ _id: deleted }, { $set: { discard: { who: 'somebody', at: new Date() } } });
    expect((await lookAtBucket()).sort()).toEqual(
      [
        `start ${changed}: the platform changed its state`,
        `start ${deleted}: its state was deleted by hand`,
      ].sort(),
    );
    expect(await lookAtBucket()).toEqual([]);
  });

  it('starts a bot that runs anew without what a person deleted', async () => {
    const id = await world.bot();
    world.files(id, { small: 1 });
    await world.collections.botState.updateOne(
      { _id: id },
      { $set: { discard: { who: 'somebody', at: new Date() } } },
    );
    expect(await lookAtBucket()).toEqual([`restart ${id}: its state was deleted by hand`]);
  });
});

describe('the platform', () => {
  it('edits and deletes archives of bots that run: these are started anew, and it is on record', async () => {
    const [edited, deleted, same] = [await world.bot(), await world.bot(), await world.bot()];
    for (const id of [edited, deleted, same]) await saved(id, 'e1');
    expect(await lookAtBucket()).toEqual([]);
    world.etags.set(edited, 'e2');
    world.etags.delete(deleted);
    const jobs = [edited, deleted].map((id) => `restart ${id}: the platform changed its state`);
    expect((await lookAtBucket()).sort()).toEqual([...jobs].sort());
    const { botState } = world.collections;
    expect(await botState.findOne({ _id: edited })).toMatchObject({ platformEtag: 'e2' });
    expect(await botState.findOne({ _id: deleted })).toMatchObject({ platformEtag: null });
    expect(await botState.findOne({ _id: same })).not.toHaveProperty('platformEtag');
    // As long as it was not done: the job may be lost.
    expect((await lookAtBucket()).sort()).toEqual([...jobs].sort());
  });

  it('is not taken for the author of our own save that is under way', async () => {
    const id = await world.bot();
    await saved(id, 'e1');
    world.etags.set(id, 'e2');
    world.saving.add(id);
    expect(await lookAtBucket()).toEqual([]);
    expect(await world.collections.botState.findOne({ _id: id })).not.toHaveProperty('platformEtag');
  });

  it('is not believed to have deleted everything', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 12; count += 1) ids.push(await world.bot());
    for (const id of ids) await saved(id, 'e1');
    world.etags.clear();
    expect(await lookAtBucket()).toEqual([]);
    expect(await world.collections.botState.countDocuments({ platformEtag: { $exists: true } })).toBe(0);
  });

  it('has its way with what rests at the next start, and with runs at the next one', async () => {
    const resting = await world.bot();
    const { scheduleId } = await world.run();
    for (const id of [resting, scheduleId]) await saved(id, 'e1');
    await world.end(resting);
    world.etags.clear();
    expect(await lookAtBucket()).toEqual([]);
  });
});
