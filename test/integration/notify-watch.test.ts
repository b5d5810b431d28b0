import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Queue } from 'bullmq';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { NotificationPayload } from '../../model/notifications.ts';
import { NotifyWorld, receiver } from './notify-world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const one = receiver('http://127.0.0.1:9/', { name: 'one' });
const two = receiver('http://127.0.0.1:9/', { name: 'two', kinds: ['failed'] });
let world: NotifyWorld;

beforeAll(async () => {
  world = await NotifyWorld.open();
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(() => world.clear());

/** What is in the outbox, the oldest first: receiver, and what the message says. */
async function outbox(): Promise<[receiver: string, status: string, what: string][]> {
  const all = await world.collections.notificationOutbox.find().sort({ createdAt: 1, receiver: 1 }).toArray();
  return all.map(({ receiver: name, body }) => {
    const { status, what } = JSON.parse(body) as NotificationPayload;
    return [name, status, what];
  });
}

const schedule = (id: string, more: Partial<ScheduleStatus>): Promise<unknown> =>
  world.collections.scheduleStatus.insertOne({
    _id: id,
    phase: 'active',
    reason: 'It ticks.',
    since: world.now(),
    updatedAt: world.now(),
    line: [],
    failuresInRow: 0,
    nextAt: new Date(world.nowMs + MINUTE),
    ...more,
  });

describe('a problem', () => {
  it('is told once, whoever looks and however often', async () => {
    await world.setBot('b1', {});
    const first = world.watcher([one]);
    await first.look();
    await first.look();
    await world.watcher([one]).look();
    await Promise.all([world.watcher([one]).look(), world.watcher([one]).look()]);
    expect(await outbox()).toEqual([['one', 'problem', 'Bot b1 failed 5 times in a row']]);
  });

  it('is told once by two that look for the first time at the same moment', async () => {
    await world.setBot('b1', {});
    await Promise.all([world.watcher([one]).look(), world.watcher([one]).look()]);
    expect(await outbox()).toHaveLength(1);
  });

  it('is told to those that want its kind', async () => {
    await world.setBot('b1', {});
    await world.setBot('b2', {
      phase: 'failed',
      permanent: true,
      consecutiveFailures: 0,
      failureCode: 'bad_config',
    });
    await world.watcher([one, two]).look();
    const told = (await outbox()).map(([name, , what]) => `${name}: ${what}`).sort();
    expect(told).toEqual([
      'one: Bot b1 failed 5 times in a row',
      'one: Bot b2 has failed for good and is not tried again',
      'two: Bot b2 has failed for good and is not tried again',
    ]);
  });

  it('that comes back within the window is the same, and one that was over is another', async () => {
    const watcher = world.watcher([one]);
    const passes = async (ms: number, phase: 'running' | 'backing-off'): Promise<void> => {
      world.pass(ms);
      await world.setBot('b1', { phase });
      await watcher.look();
    };
    await passes(0, 'backing-off');
    await passes(MINUTE, 'running');
    await passes(9 * MINUTE, 'backing-off');
    await passes(MINUTE, 'running');
    await passes(9 * MINUTE + 59 * SECOND, 'running');
    expect(await outbox()).toHaveLength(1);
    await passes(SECOND, 'running');
    expect((await outbox()).map(([, status]) => status)).toEqual(['problem', 'resolved']);
    await passes(MINUTE, 'backing-off');
    expect((await outbox()).map(([, status]) => status)).toEqual(['problem', 'resolved', 'problem']);
    const messages = await world.collections.notificationOutbox.find().toArray();
    expect(new Set(messages.map(({ messageId }) => messageId.split('.')[0])).size).toBe(2);
  });

  it('is over when its bot is deleted', async () => {
    await world.setBot('b1', { phase: 'state-unavailable' });
    const watcher = world.watcher([one]);
    await watcher.look();
    await world.collections.status.deleteMany({});
    await watcher.look();
    world.pass(10 * MINUTE);
    await watcher.look();
    expect(await outbox()).toEqual([
      ['one', 'problem', 'Bot b1 does not run: its state cannot be had'],
      ['one', 'resolved', 'Bot b1 does not run: its state cannot be had'],
    ]);
  });

  it('whose message was on record, and not yet in the outbox when its process died, is told by the next', async () => {
    await world.setBot('b1', {});
    const dying = Object.create(
      world.collections.notificationOutbox,
    ) as typeof world.collections.notificationOutbox;
    dying.updateOne = () => Promise.reject(new Error('killed'));
    const killed = world.watcher([one], { collections: { ...world.collections, notificationOutbox: dying } });
    await expect(killed.look()).rejects.toThrow('killed');
    expect(await outbox()).toEqual([]);
    // By then it is over, as far as anybody sees: it is told all the same.
    await world.collections.status.deleteMany({});
    await world.watcher([one]).look();
    expect((await outbox()).map(([, status]) => status)).toEqual(['problem']);
  });
});

describe('a problem that cannot be put on record', () => {
  it('keeps no other from it, and is told once it can', async () => {
    await Promise.all(['b1', 'b2', 'b3'].map((id) => world.setBot(id, {})));
    const { notifications } = world.collections;
    const refusing = Object.create(notifications) as typeof notifications;
    refusing.updateOne = (filter, ...more) =>
      filter._id === 'crash-loop/bot/b1/'
        ? Promise.reject(new Error('refused'))
        : notifications.updateOne(filter, ...more);
    const opened: number[] = [];
    await world
      .watcher([one], {
        collections: { ...world.collections, notifications: refusing },
        onLook: (open) => Promise.resolve(void opened.push(open)),
      })
      .look();
    const subjects = async (): Promise<string[]> => (await outbox()).map(([, , what]) => what).sort();
    expect(await subjects()).toEqual(['Bot b2 failed 5 times in a row', 'Bot b3 failed 5 times in a row']);
    expect(opened).toEqual([2]);
    const looked = await world.collections.installation.findOne({ _id: 'notifications-looked-through' });
    expect(looked?.at).toEqual(world.now());
    await world.watcher([one]).look();
    expect(await subjects()).toContain('Bot b1 failed 5 times in a row');
  });
});

describe('a look that fails', () => {
  it('is a round all the same, so that the process does not pass for stuck', async () => {
    const stop = new AbortController();
    let rounds = 0;
    const watcher = world.watcher([one], {
      look: () => Promise.reject(new Error('away')),
      onRound: () => {
        rounds += 1;
        stop.abort();
      },
    });
    await watcher.run(stop.signal);
    expect(rounds).toBe(1);
  });
});

describe('many problems of a kind at once', () => {
  it('are one message and one end, and a new one among them is told by itself', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `b${index}`);
    await Promise.all(ids.map((id) => world.setBot(id, { reason: 'S3 is away.' })));
    const watcher = world.watcher([one]);
    using names = vi.spyOn(world.collections.bots, 'find');
    await watcher.look();
    await world.setBot('late', {});
    world.pass(MINUTE);
    await watcher.look();
    await watcher.look();
    // Words are read for what is new alone: ten of a crowd, one, and nothing while all last.
    const asked = names.mock.calls.map(([filter]) => (filter as { id: { $in: string[] } }).id.$in.length);
    expect(asked).toEqual([10, 1]);
    expect(await outbox()).toEqual([
      ['one', 'problem', '300 problems of the kind crash-loop at once'],
      ['one', 'problem', 'Bot late failed 5 times in a row'],
    ]);
    await world.collections.status.deleteMany({ _id: { $in: ids } });
    await watcher.look();
    world.pass(10 * MINUTE);
    await watcher.look();
    expect((await outbox()).at(-1)).toEqual([
      'one',
      'resolved',
      '300 problems of the kind crash-loop at once',
    ]);
  });
});

describe('missed ticks', () => {
  const missed = (agoMs: number) => ({
    at: new Date(world.nowMs - agoMs),
    ticks: 3,
    first: new Date(world.nowMs - agoMs - 3 * MINUTE),
    last: new Date(world.nowMs - agoMs - MINUTE),
  });

  it('that were found while nobody looked, long ago, are told; those of before the last look are not again', async () => {
    await world.watcher([one]).look();
    world.pass(5 * 60 * MINUTE);
    await schedule('s1', { missed: missed(4 * 60 * MINUTE) });
    await schedule('s2', { missed: missed(6 * 60 * MINUTE) });
    await world.watcher([one]).look();
    await world.watcher([one]).look();
    expect(await outbox()).toEqual([['one', 'problem', 'Schedule s1 missed 3 ticks']]);
  });

  it('that nobody handles are told while they are missed', async () => {
    await schedule('s1', { nextAt: new Date(world.nowMs - 24 * SECOND) });
    const watcher = world.watcher([one]);
    await watcher.look();
    expect(await outbox()).toEqual([]);
    world.pass(2 * SECOND);
    await watcher.look();
    expect(await outbox()).toEqual([
      ['one', 'problem', expect.stringMatching(/^Schedule s1 does not tick: nobody/)],
    ]);
  });
});

describe('a full installation', () => {
  it('tells that a disk has no room, by what the engine said of bots that do not start', async () => {
    const reason = 'write /var/lib/docker/x: no space left on device';
    await world.setBot('b1', { reason, since: new Date(world.nowMs - MINUTE), consecutiveFailures: 4 });
    await world.setBot('b2', { reason: reason.toUpperCase(), consecutiveFailures: 4 });
    await world.setBot('b3', { reason, consecutiveFailures: 4, phase: 'running' });
    await world.setBot('b4', { consecutiveFailures: 4 });
    await world.watcher([one]).look();
    expect(await outbox()).toEqual([['one', 'problem', 'A disk is full: 2 bots do not start']]);
    expect((await world.collections.notifications.findOne({}))?.since).toEqual(
      new Date(world.nowMs - MINUTE),
    );
  });

  it('tells when a run has waited for others for a minute', async () => {
    const run = (id: string, state: 'running' | 'queued', dueMs: number) => ({
      _id: id,
      scheduleId: id,
      kind: 'tick' as const,
      nominal: new Date(dueMs),
      due: new Date(dueMs),
      state,
      reason: '',
      cause: 'tick',
      open: true as const,
      createdAt: world.now(),
      updatedAt: world.now(),
      attempt: 0,
      attempts: [],
    });
    const waiting = run('c', 'queued', world.nowMs - 50 * SECOND);
    await world.collections.runs.insertMany([run('a', 'running', 0), run('b', 'running', 0), waiting]);
    const watcher = world.watcher([one]);
    await watcher.look();
    expect(await outbox()).toEqual([]);
    world.pass(20 * SECOND);
    await watcher.look();
    expect(await outbox()).toEqual([
      ['one', 'problem', 'Runs wait: 2 go at once, and RUNS_AT_ONCE allows 2'],
    ]);
  });

  it('is neither told nor over while Redis, which alone knows of jobs, is away', async () => {
    const begun = world.nowMs;
    const waits = { timestamp: begun - 2 * MINUTE, opts: {} };
    let isAway = false;
    const queue = {
      name: 'start',
      getJobCounts: () => (isAway ? Promise.reject(new Error('away')) : { waiting: 7, prioritized: 0 }),
      isPaused: () => Promise.resolve(false),
      getJobs: ([state]: string[]) => (state === 'waiting' ? [waits] : []),
      toKey: (name: string) => name,
      backend: { client: Promise.resolve({ zrange: () => [] }) },
    } as unknown as Queue;
    const watcher = world.watcher([one], { queues: [queue] });
    await watcher.look();
    world.pass(MINUTE);
    await watcher.look();
    // Another process, which has seen no late queue before, does not take it to be over.
    await world.watcher([one], { queues: [queue] }).look();
    expect((await world.collections.notifications.findOne({}))?.goneAt).toBeUndefined();
    expect(await outbox()).toEqual([
      ['one', 'problem', 'Jobs wait for longer than a minute: there are too few processors, or none'],
    ]);
    isAway = true;
    await watcher.look();
    world.pass(60 * MINUTE);
    await watcher.look();
    expect(await outbox()).toHaveLength(1);
  });
});
