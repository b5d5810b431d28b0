import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runIdOf } from '../../model/runs.ts';
import { TickMetrics } from '../../processors/ticks/metrics.ts';
import { testServers } from '../support/servers.ts';
import { ticksWorld, type TicksWorld } from './ticks-world.ts';

const HOUR_MS = 3_600_000;
/** Handlers take this for the time: far enough ahead that MongoDB's own never gets there. A full hour and 5 s. */
const NOW = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS + 5_000;
const HOUR = new Date(NOW - 5_000);
const BEFORE = new Date(HOUR.getTime() - 1);
const clock = { now: () => NOW };

let world: TicksWorld;

beforeEach(async () => {
  world = await ticksWorld(testServers());
});
afterEach(() => world[Symbol.asyncDispose]());

describe('a tick', () => {
  it('becomes one record, one place in line and one job, and the next time is told', async () => {
    await world.add('a', { timing: '0 * * * *', handledThrough: BEFORE });
    const book = await world.book({ clock });
    expect(await book.handleDue()).toEqual({ schedules: 1, ticks: 1, stopped: false });
    expect(await book.handleDue()).toEqual({ schedules: 0, ticks: 0, stopped: false });

    const id = runIdOf('a', HOUR);
    expect(await world.runsOf('a')).toEqual([
      {
        _id: id,
        scheduleId: 'a',
        kind: 'tick',
        nominal: HOUR,
        due: HOUR,
        state: 'queued',
        open: true,
        cause: 'tick',
        reason: 'Queued: it is its turn',
        createdAt: new Date(NOW),
        updatedAt: new Date(NOW),
        attempt: 0,
        attempts: [],
      },
    ]);
    const next = new Date(HOUR.getTime() + HOUR_MS);
    expect(await world.statusOf('a')).toMatchObject({
      handledThrough: HOUR,
      nextAt: next,
      line: [id],
      claim: null,
    });
    expect(await world.queued()).toEqual([id]);
    const raw = await world.collections.schedules.findOne({ id: 'a' }, { promoteLongs: false });
    expect(String(raw?.next_execution_time)).toBe(String(next.getTime() / 1000));
    expect(raw?.next_execution_time).toHaveProperty('_bsontype', 'Long');
  });

  it('of a schedule whose run is not over is skipped, with a final record', async () => {
    await world.add('a', { timing: '0 * * * *', handledThrough: BEFORE, status: { line: ['a@before'] } });
    await (await world.book({ clock })).handleDue();
    const [run] = await world.runsOf('a');
    expect(run).toMatchObject({ state: 'skipped', endedAt: new Date(NOW), attempt: 0, attempts: [] });
    expect(run?.reason).toMatch(/^Skipped: .* is not over \(overlap forbid\)$/);
    expect(run).not.toHaveProperty('open');
    expect(await world.statusOf('a')).toMatchObject({ line: ['a@before'], handledThrough: HOUR });
    expect(await world.queued()).toEqual([]);
  });

  it('that replaces runs asks for their end, and wakes them to hear of it', async () => {
    await world.add('a', { timing: '59 59 * * * *', handledThrough: new Date(HOUR.getTime() - 2_000) });
    const first = await world.book({ clock });
    await first.handleDue();
    const [before] = await world.runsOf('a');
    await world.collections.schedules.updateOne(
      { id: 'a' },
      { $set: { 'config.schedule': '0 * * * *', 'config.overlap': 'replace' } },
    );
    await world.collections.scheduleStatus.updateOne(
      { _id: 'a' },
      { $set: { timing: 'CRON_TZ=UTC 0 * * * *', nextAt: HOUR } },
    );
    await world.queues.runs.obliterate({ force: true });
    await first.handleDue();
    const id = runIdOf('a', HOUR);
    const [cancelled, replacing] = await world.runsOf('a');
    expect(cancelled).toMatchObject({
      _id: before?._id,
      state: 'queued',
      open: true,
      cancel: { who: 'the0', why: `${id} replaces it (overlap replace)`, at: new Date(NOW) },
    });
    expect(replacing).toMatchObject({ _id: id, state: 'queued', open: true });
    expect(await world.statusOf('a')).toMatchObject({ line: [before?._id, id] });
    expect(await world.queued()).toEqual([before?._id, id].sort());
  });

  it('with jitter is due and queued that much later, by the same amount whoever asks', async () => {
    await world.add('a', { timing: '0 * * * *', config: { jitter: '30m' }, handledThrough: BEFORE });
    await (await world.book({ clock })).handleDue();
    const [run] = await world.runsOf('a');
    const delayMs = (run?.due.getTime() ?? 0) - HOUR.getTime();
    expect(delayMs).toBeGreaterThan(0);
    expect(delayMs).toBeLessThan(30 * 60_000);
    const [job] = await world.queues.runs.getJobs(['delayed']);
    expect(job?.opts.delay).toBe(delayMs - 5_000);
  });

  it.each([
    ['was disabled', { config: { enabled: false } }, undefined, /was disabled before this tick was handled$/],
    ['is held by an operator', {}, 'hold', /was paused by me \(x\) before this tick was handled$/],
    ['has become invalid', { config: { schedule: '0 0 30 2 *' } }, undefined, /became invalid .*never fires/],
    [
      'asks for a policy that does not exist',
      { config: { misfire: 'fire-al' } },
      undefined,
      /config\.misfire/,
    ],
    ['was deleted', {}, 'delete', /^Skipped: its schedule was deleted before this tick was handled$/],
  ])('of a schedule that %s meanwhile is skipped, and is its last', async (_title, options, act, reason) => {
    const handledThrough = new Date(BEFORE.getTime() - HOUR_MS);
    await world.add('a', { timing: '0 * * * *', handledThrough, ...options });
    await world.add('b', { timing: '0 * * * *', handledThrough: BEFORE });
    if (act === 'delete') await world.collections.schedules.deleteOne({ id: 'a' });
    if (act === 'hold')
      await world.collections.holds.insertOne({ _id: 'a', who: 'me', why: 'x', at: new Date() });
    await (await world.book({ clock })).handleDue();
    const skipped = await world.runsOf('a');
    expect(skipped.map(({ nominal, state }) => [nominal, state])).toEqual([
      [new Date(HOUR.getTime() - HOUR_MS), 'skipped'],
      [HOUR, 'skipped'],
    ]);
    for (const run of skipped) expect(run.reason).toMatch(reason);
    expect(await world.runsOf('b')).toHaveLength(1);
    const status = await world.statusOf('a');
    expect(status).toMatchObject({ handledThrough: HOUR, claim: null, line: [] });
    expect(status).not.toHaveProperty('nextAt');
    expect(await world.collections.schedules.findOne({ id: 'a' })).not.toMatchObject({
      next_execution_time: expect.anything() as unknown,
    });
    expect(world.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(world.lines).toContainEqual(
      expect.objectContaining({ scheduleId: 'a', msg: 'Schedule does not tick any more' }),
    );
  });

  it('of a schedule that was disabled long ago is recorded in pieces as well', async () => {
    const handledThrough = new Date(NOW - 2_500_000);
    await world.add('a', { timing: '* * * * * *', config: { enabled: false }, handledThrough });
    const pass = await (await world.book({ clock })).handleDue();
    expect(pass).toEqual({ schedules: 1, ticks: 2_500, stopped: false });
    expect(await world.collections.runs.countDocuments({ scheduleId: 'a', state: 'skipped' })).toBe(2_500);
    expect(await world.statusOf('a')).not.toHaveProperty('nextAt');
  });

  it('of a schedule that cannot be worked out holds up nobody', async () => {
    await world.addMany(['b', 'c'], { timing: '0 * * * *', handledThrough: BEFORE });
    await world.collections.scheduleStatus.updateOne({ _id: 'b' }, { $set: { timing: 'nonsense' } });
    await (await world.book({ clock })).handleDue();
    // Its document says another timing by now: of the old one, only the time that was announced can be told.
    expect(await world.runsOf('b')).toMatchObject([
      { state: 'skipped', reason: expect.stringMatching(/cannot be told/) as string },
    ]);
    expect(await world.runsOf('c')).toHaveLength(1);
  });

  it('of a schedule in a zone that this host does not know are given up by nobody', async () => {
    await world.addMany(['d', 'e'], { timing: '0 * * * *', handledThrough: BEFORE });
    const zone = { timing: 'CRON_TZ=Mars/Olympus 0 * * * *' };
    await world.collections.schedules.updateOne({ id: 'd' }, { $set: { 'config.timezone': 'Mars/Olympus' } });
    await world.collections.scheduleStatus.updateOne({ _id: 'd' }, { $set: zone });
    const before = await world.statusOf('d');
    await (await world.book({ clock })).handleDue();
    expect(await world.runsOf('e')).toHaveLength(1);
    expect(await world.runsOf('d')).toEqual([]);
    const { nextAt, handledThrough, stuck } = await world.statusOf('d');
    expect({ nextAt, handledThrough }).toEqual({
      nextAt: before.nextAt,
      handledThrough: before.handledThrough,
    });
    expect(stuck).toMatchObject({ reason: expect.stringMatching(/Mars/) as string });
    expect(world.lines.filter(({ level }) => level === 'error')).toMatchObject([{ scheduleId: 'd' }]);
    // Nobody takes it in hand again at once.
    await (await world.book({ clock })).handleDue();
    expect(world.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    // Whoever can read it makes up for all of it.
    await world.collections.schedules.updateOne({ id: 'd' }, { $unset: { 'config.timezone': '' } });
    await world.collections.scheduleStatus.updateOne(
      { _id: 'd' },
      { $set: { timing: '0 * * * *', 'stuck.until': new Date(0) } },
    );
    await (await world.book({ clock })).handleDue();
    expect((await world.runsOf('d')).length).toBeGreaterThan(0);
    expect(await world.statusOf('d')).not.toHaveProperty('stuck');
  });
});

describe('many ticks', () => {
  it('of one moment are recorded and queued together', async () => {
    const ids = Array.from({ length: 500 }, (_, index) => `s${index}`);
    await world.addMany(ids, { timing: '0 * * * *', handledThrough: BEFORE });
    const registry = new Registry();
    const book = await world.book({ clock, metrics: new TickMetrics({ registry }) });
    const passes = await Promise.all(Array.from({ length: 50 }, () => book.handleDue()));
    expect(passes[0]).toMatchObject({ schedules: 500, ticks: 500 });
    expect(new Set(passes).size).toBe(2);
    const runs = await world.collections.runs.find().toArray();
    expect(runs.map(({ _id }) => _id).sort()).toEqual(ids.map((id) => runIdOf(id, HOUR)).sort());
    expect(await world.queued()).toEqual(runs.map(({ _id }) => _id).sort());
    expect(await world.collections.scheduleStatus.countDocuments({ nextAt: { $lte: new Date(NOW) } })).toBe(
      0,
    );
    const lines = world.lines.filter(({ msg }) => msg === 'Ticks handled');
    expect(lines).toMatchObject([{ level: 'info', schedules: 500, ticks: 500, runs: 500 }]);
    const text = await registry.metrics();
    expect(text).toContain('the0_ticks_total{decision="run"} 500');
    expect(text).toContain('the0_tick_lateness_seconds_bucket{le="5"} 500');
    expect(text).toContain('the0_tick_lateness_seconds_bucket{le="2.5"} 0');
  });

  it('are summed up in the log once a minute at most, and when the handler stops', async () => {
    let atMs = 0;
    const book = await world.book({ clock, monotonicMs: () => atMs });
    const told = () => world.lines.flatMap(({ msg, ticks }) => (msg === 'Ticks handled' ? [ticks] : []));
    for (const [id, ms] of [
      ['a', 0],
      ['b', 1_000],
      ['c', 59_000],
      ['d', 60_000],
      ['e', 61_000],
    ] as const) {
      atMs = ms;
      await world.add(id, { timing: '0 * * * *', handledThrough: BEFORE });
      await book.handleDue();
    }
    expect(told()).toEqual([1, 3]);
    book.stop();
    expect(told()).toEqual([1, 3, 1]);
  });

  it('are handled once, however many handlers take them', async () => {
    const ids = Array.from({ length: 1_200 }, (_, index) => `s${index}`);
    await world.addMany(ids, { timing: '*/20 * * * * *', handledThrough: new Date(NOW - 60_000) });
    const books = await Promise.all([world.book({ clock }), world.book({ clock }), world.book({ clock })]);
    const passes = await Promise.all(books.map((book) => book.handleDue()));
    // Whoever found everything claimed by others is done at once: what they claimed is theirs to do.
    expect(passes.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(3_600);
    const runs = await world.collections.runs.find().project({ scheduleId: 1, nominal: 1 }).toArray();
    expect(runs).toHaveLength(3_600);
    const statuses = await world.collections.scheduleStatus.find().toArray();
    const open = await world.collections.runs.find({ open: true }).toArray();
    expect(statuses.every(({ line, claim }) => line.length === 1 && claim === null)).toBe(true);
    expect(new Set(statuses.flatMap(({ line }) => line))).toEqual(new Set(open.map(({ _id }) => _id)));
    expect(await world.queued()).toEqual(open.map(({ _id }) => _id).sort());
  });

  it('of a long downtime are caught up in pieces, and others are served in between', async () => {
    const from = new Date(HOUR.getTime() - 2_500_000);
    await world.add('behind', { timing: '* * * * * *', handledThrough: from });
    await world.add('on-time', { timing: '0 * * * *', handledThrough: BEFORE });
    const book = await world.book({ clock });
    expect(await book.handleDue()).toEqual({ schedules: 2, ticks: 2_506, stopped: false });
    const runs = await world.runsOf('behind');
    expect(runs).toHaveLength(2_505);
    const ran = runs.filter(({ state }) => state === 'queued');
    // MISFIRE_AFTER is 15 s: the newest of those that are older runs, and those after it are skipped for it.
    expect(ran.map(({ nominal, cause }) => [nominal.getTime() - NOW, cause])).toEqual([
      [-16_000, 'caught up'],
    ]);
    expect(runs.slice(-16).every(({ reason }) => reason.includes('overlap forbid'))).toBe(true);
    expect(await world.statusOf('behind')).toMatchObject({
      handledThrough: new Date(NOW),
      line: [ran[0]?._id],
    });
    expect(world.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      {
        missed: 2_489,
        schedules: 1,
        from: new Date(from.getTime() + 1_000).toISOString(),
        to: new Date(NOW - 16_000).toISOString(),
      },
    ]);
  });

  it('are left to others by a handler that stops', async () => {
    await world.add('behind', { timing: '* * * * * *', handledThrough: new Date(NOW - 5_000_000) });
    const book = await world.book({ clock });
    const passing = book.handleDue();
    book.stop();
    expect(await passing).toEqual({ schedules: 1, ticks: 1_000, stopped: true });
    expect(await book.handleDue()).toMatchObject({ stopped: true, ticks: 0 });
    await (await world.book({ clock })).handleDue();
    expect(await world.runsOf('behind')).toHaveLength(5_000);
  });
});
