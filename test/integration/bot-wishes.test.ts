import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createFakeEngine,
  findOverlaps,
  type FakeEngine,
  type LedgerEntry,
} from '../../infra/engine/fake/index.ts';
import { LABEL } from '../../model/labels.ts';
import { containerName } from '../../model/names.ts';
import { BotControl } from '../../producers/control/bots/control.ts';
import { FailedPrecondition, InvalidRequest, NotFound } from '../../producers/control/errors.ts';
import { botDocument, newBotId, statusOf, uploadCode, uploadObject } from '../support/bots.ts';
import { gatedFilling } from '../support/gated-filling.ts';
import { until } from '../support/poll.ts';
import { startTestRunner, type TestRunner } from '../support/runner.ts';
import { testServers } from '../support/servers.ts';

// Back-offs of hours, of which chance makes seconds of hardly any: whatever starts within seconds did not wait for one. No
// periodic look comes to anybody's help.
const servers = testServers();
const engine: FakeEngine = createFakeEngine({
  installation: servers.installation,
  images: ['python:3.11-slim'],
});
/** Bots whose containers are made as a release made them that knew no wishes for restarts. */
const ofEarlierRelease = new Set<string>();
const filling = gatedFilling(engine);
const worn: FakeEngine = {
  ...filling.engine,
  create: ({ labels: { [LABEL.restarts]: restarts, ...labels }, ...spec }, call) => {
    const old = ofEarlierRelease.has(labels[LABEL.id] ?? '') || restarts === undefined;
    return engine.create({ ...spec, labels: old ? labels : { ...labels, [LABEL.restarts]: restarts } }, call);
  },
};
let runner: TestRunner;
let control: BotControl;
let filePath: string;
let botId: string;

const name = (id = botId): string => containerName(servers.installation, id);
const all = () => runner.services.collections;
const status = (check: Parameters<typeof statusOf>[2], timeoutMs?: number, id = botId) =>
  statusOf(all().status, id, check, timeoutMs);
const ann = (why: string) => ({ botId, who: 'ann', why });

beforeAll(async () => {
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  runner = await startTestRunner({
    environment: { ...environment, BACKOFF_FIRST: '24h', BACKOFF_MAX: '24h', RECONCILE_INTERVAL: '10m' },
    engine: worn,
  });
  control = new BotControl({
    collections: all(),
    now: () => new Date(),
    newId: () => crypto.randomUUID().slice(0, 13),
  });
});
afterAll(async () => {
  await runner.stop();
  expect(findOverlaps(await engine.control.ledger())).toEqual([]);
});
beforeEach(() => {
  botId = newBotId();
});

async function deploy(over: Partial<Parameters<typeof botDocument>[1]> = {}): Promise<void> {
  await all().bots.insertOne(botDocument(botId, { filePath, ...over }));
}
async function running(): Promise<string> {
  await deploy();
  return (await status((s) => s.phase === 'running')).containerId ?? '';
}
/** A bot that has crashed and waits for at least some seconds more. */
async function backingOff(): Promise<void> {
  await until(
    async () => {
      botId = newBotId();
      await running();
      await engine.control.exit(name(), 1);
      const { nextAttemptAt } = await status((s) => s.phase === 'backing-off');
      return (nextAttemptAt?.getTime() ?? 0) - Date.now() > 20_000;
    },
    { timeoutMs: 20_000 },
  );
}
/** A pass over the bot, whatever for; resolves when it is done. */
async function look(queue: 'start' | 'restart', cause: string): Promise<void> {
  await runner.services.queues.add([{ queue, job: { botId, cause }, urgency: 'wish' }]);
  await until(async () =>
    (await runner.services.queues.byName[queue].getCompleted()).some(
      ({ data }) => data.botId === botId && data.cause === cause,
    ),
  );
}
const documentNow = async () => all().bots.findOne({ id: botId }, { projection: { _id: 0 } });

describe('a restart', () => {
  it('stops a bot in order and starts it anew, once, and tells why', async () => {
    const before = await running();
    const document = await documentNow();
    const { changed, outcome, bot } = await control.restart(ann('new image'));
    expect({ changed, outcome }).toEqual({
      changed: true,
      outcome: 'It is stopped in order and started anew.',
    });
    expect(bot.restart).toMatchObject({ who: 'ann', why: 'new image' });
    const after = await status((s) => s.phase === 'running' && s.containerId !== before);
    expect(after).toMatchObject({ restarts: 0, lastExit: { requested: true, containerId: before } });
    const wish = await all().restarts.findOne({ _id: botId });
    expect((await engine.inspect(name()))?.labels[LABEL.restarts]).toBe(String(wish?.count));
    const job = await until(async () =>
      (await runner.services.queues.byName.restart.getCompleted()).find(({ data }) => data.botId === botId),
    );
    expect(job.data.cause).toBe('a restart was asked for: ann: new image');
    expect(await documentNow(), 'the owner’s document').toEqual(document);
  });

  it('is undone by nothing: neither a look at everything, nor an event, nor another config', async () => {
    const before = await running();
    await control.restart(ann('new image'));
    const { containerId } = await status((s) => s.phase === 'running' && s.containerId !== before);
    await all().bots.updateOne({ id: botId }, { $set: { 'custom.updatedAt': 'now' } });
    await look('restart', 'test');
    await look('start', 'test');
    expect((await engine.inspect(name()))?.id).toBe(containerId);
    await all().bots.updateOne({ id: botId }, { $set: { 'config.v': 2 } });
    const changed = await status((s) => s.phase === 'running' && s.containerId !== containerId);
    expect(changed.attemptedRestarts).toBe((await all().restarts.findOne({ _id: botId }))?.count);
  });

  it('reaches a container of an earlier release, which wrote no such label; the release itself restarts nobody', async () => {
    ofEarlierRelease.add(botId);
    const before = await running();
    await all().status.updateOne({ _id: botId }, { $unset: { attemptedRestarts: true } });
    ofEarlierRelease.delete(botId);
    expect((await engine.inspect(name()))?.labels).not.toHaveProperty([LABEL.restarts]);
    await look('restart', 'test');
    expect((await engine.inspect(name()))?.id).toBe(before);
    await control.restart(ann('new image'));
    await status((s) => s.phase === 'running' && s.containerId !== before);
  });

  it('has a bot in back-off tried at once, and its crash loop begin anew', async () => {
    await backingOff();
    expect((await control.restart(ann('exchange is back'))).outcome).toContain('backing-off');
    await status((s) => s.phase === 'running' && s.consecutiveFailures === 0, 3_000);
  });

  it('asked for while the bot is being started is part of that start', async () => {
    const goOn = filling.halt();
    await deploy();
    await until(async () => (await engine.inspect(name()))?.state === 'created');
    await control.restart(ann('hurry'));
    goOn();
    const wish = await all().restarts.findOne({ _id: botId });
    await status((s) => s.phase === 'running' && s.attemptedRestarts === wish?.count);
    const started = (await engine.control.ledger()).filter(
      (entry) => entry.botId === botId && entry.type === 'started',
    );
    expect(started).toHaveLength(1);
  });

  it('of many at once comes to at least one restart, under the newest wish, and to a bot that runs', async () => {
    const before = await running();
    const wishes = await Promise.all(Array.from({ length: 8 }, (_, n) => control.restart(ann(`try ${n}`))));
    expect(wishes.every(({ changed }) => changed)).toBe(true);
    const newest = await all().restarts.findOne({ _id: botId });
    await status(
      (s) => s.phase === 'running' && s.containerId !== before && s.attemptedRestarts === newest?.count,
    );
  });

  it('of a bot that is held or disabled is nothing, and says so', async () => {
    await running();
    await control.hold(ann('incident 7'));
    await status((s) => s.phase === 'held');
    expect(await control.restart(ann('x'))).toMatchObject({
      changed: false,
      outcome: 'There is nothing to restart: it is held by ann (incident 7). Start it to lift the hold.',
    });
    await control.release(ann('over'));
    await status((s) => s.phase === 'running');
    await all().bots.updateOne({ id: botId }, { $set: { 'config.enabled': false } });
    await status((s) => s.phase === 'stopped');
    expect((await control.restart(ann('x'))).outcome).toContain('its owner has disabled it');
    expect(await all().restarts.findOne({ _id: botId })).toBeNull();
  });
});

describe('a hold', () => {
  it('stops a bot whatever its owner changes, keeps who and why of the first, and is lifted by start', async () => {
    await running();
    const document = await documentNow();
    const first = await control.hold(ann('incident 7'));
    expect(first).toMatchObject({ changed: true, outcome: 'It is held, and stops in order.' });
    expect(await status((s) => s.phase === 'held')).toMatchObject({ reason: 'Held by ann: incident 7' });
    expect(await documentNow()).toEqual(document);
    const again = await control.hold({ botId, who: 'bob', why: 'me too' });
    expect(again).toMatchObject({ changed: false, bot: { hold: { who: 'ann', why: 'incident 7' } } });
    expect(again.outcome).toContain('by ann (incident 7)');
    await all().bots.updateOne({ id: botId }, { $set: { 'config.symbol': 'ETH' } });
    const { outcome } = await control.start({ botId, who: 'bob', why: 'over' });
    expect(outcome).toBe('The hold of ann (incident 7) is lifted. It starts now.');
    await status((s) => s.phase === 'running', 3_000);
    expect(await control.release(ann('x'))).toMatchObject({ changed: false, outcome: 'Nobody holds it.' });
  });

  it('of a disabled bot leaves the owner’s wish the owner’s', async () => {
    await deploy({ config: { enabled: false } });
    await status((s) => s.phase === 'stopped');
    expect((await control.hold(ann('incident'))).outcome).toContain('its owner has disabled it besides');
    const { changed, outcome } = await control.start(ann('over'));
    expect(changed).toBe(true);
    expect(outcome).toContain('It stays stopped, since its owner has disabled it');
    expect(await documentNow()).toMatchObject({ config: { enabled: false } });
  });
});

describe('a start', () => {
  it('has a bot that failed for good tried at once', async () => {
    const key = await uploadObject(servers, Buffer.from('this is no archive'));
    await deploy({ filePath: key });
    await status((s) => s.phase === 'failed' && s.permanent === true);
    // Nothing about the bot changes, but what made it fail.
    await uploadCode(servers, { 'main.py': 'def main(b, c): pass' }, key);
    const { changed, outcome } = await control.start(ann('uploaded anew'));
    expect({ changed, outcome }).toEqual({
      changed: true,
      outcome: 'It was failed, and is tried again now.',
    });
    await status((s) => s.phase === 'running', 5_000);
  });

  it('of a bot that runs is nothing, and restarts nothing', async () => {
    const containerId = await running();
    expect(await control.start(ann('x'))).toMatchObject({ changed: false, outcome: 'It runs.' });
    expect(await all().restarts.findOne({ _id: botId })).toBeNull();
    expect((await engine.inspect(name()))?.id).toBe(containerId);
  });
});

describe('a wish', () => {
  it('for what is not there, for a schedule, or without a reason is refused, and names the cure', async () => {
    await expect(control.restart(ann('x'))).rejects.toThrow(NotFound);
    await all().schedules.insertOne({ ...botDocument(botId, { filePath }) });
    for (const act of ['start', 'hold', 'release', 'restart'] as const) {
      await expect(control[act](ann('x'))).rejects.toThrow(FailedPrecondition);
      await expect(control[act](ann('x'))).rejects.toThrow(/is a schedule.*pause or resume it/);
    }
    await expect(control.hold(ann(' '))).rejects.toThrow(InvalidRequest);
    await all().schedules.deleteOne({ id: botId });
  });
});

describe('a roll-out', () => {
  const fleet = async (count: number): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => newBotId()).sort();
    const tag = `fleet-${ids[0]}`;
    await all().bots.insertMany(ids.map((id) => botDocument(id, { filePath, config: { name: tag } })));
    for (const id of ids) await status((s) => s.phase === 'running', 15_000, id);
    return ids;
  };
  const over = (id: string) =>
    until(
      async () => {
        const rollout = await control.rollout(id);
        return rollout.open === true ? undefined : rollout;
      },
      { timeoutMs: 25_000 },
    );

  it('restarts all that match and are to run, so many at a time, and is over then', async () => {
    const ids = await fleet(4);
    const [held = ''] = ids;
    await control.hold({ botId: held, who: 'ann', why: 'incident' });
    await status((s) => s.phase === 'held', 5_000, held);
    const before = new Map(
      (await control.list({ filter: { text: `fleet-${held}` }, order: 'id' }, {})).bots.map((b) => [
        b.id,
        b.container,
      ]),
    );
    const begun = Date.now();
    const { bots, rollout } = await control.restartMany({
      who: 'ann',
      why: 'new image',
      filter: { text: `fleet-${held}` },
      atOnce: 2,
    });
    expect(bots).toBe(3);
    const done = await over(rollout?._id ?? '');
    expect(done).toMatchObject({ state: 'done', restarted: 3, skipped: 0, failed: [], current: [] });
    for (const id of ids.slice(1)) {
      const now = await all().status.findOne({ _id: id });
      expect(now?.phase).toBe('running');
      expect(now?.containerId).not.toBe(before.get(id));
      expect(await all().restarts.findOne({ _id: id })).toMatchObject({ who: 'ann', rollout: rollout?._id });
    }
    expect(await all().restarts.findOne({ _id: held })).toBeNull();
    const most = mostDown(await engine.control.ledger(), ids.slice(1), begun);
    expect([1, 2]).toContain(most);
  }, 40_000);

  it('stops at the first that does not come up again, and says which and why', async () => {
    const ids = await fleet(3);
    const [first = ''] = ids;
    const crash = (async () => {
      const { containerId } = await status((s) => s.phase === 'running', 5_000, first);
      await status((s) => s.phase === 'running' && s.containerId !== containerId, 15_000, first);
      await engine.control.exit(name(first), 1);
    })();
    const { rollout } = await control.restartMany({
      who: 'ann',
      why: 'new image',
      filter: { text: `fleet-${first}` },
    });
    await crash;
    const done = await over(rollout?._id ?? '');
    expect(done).toMatchObject({
      state: 'stopped',
      restarted: 0,
      next: 1,
      failed: [{ botId: first, ran: true }],
    });
    expect(done.reason).toContain(
      `${first} ran before its restart and does not since (backing-off: It crashed`,
    );
    expect(await all().restarts.countDocuments({ _id: { $in: ids } })).toBe(1);
  }, 40_000);

  it('goes on where a producer died between its record and a wish, and wishes nothing twice', async () => {
    const [wished = '', recorded = '', last = ''] = await fleet(3);
    await all().restarts.insertOne({
      _id: wished,
      count: 5,
      who: 'ann',
      why: 'x',
      at: new Date(),
      rollout: 'r',
    });
    const at = new Date();
    const current = [wished, recorded].map((id) => ({ botId: id, since: at, ran: true }));
    await all().rollouts.insertOne({
      ...{ _id: 'r', who: 'ann', why: 'x', at, atOnce: 2, bots: [wished, recorded, last], next: 2, current },
      ...{
        restarted: 0,
        skipped: 0,
        failed: [],
        state: 'running',
        reason: '',
        open: true,
        revision: 4,
        updatedAt: at,
      },
    });
    expect(await over('r')).toMatchObject({ state: 'done', restarted: 3, failed: [] });
    expect(await all().restarts.findOne({ _id: wished })).toMatchObject({ count: 5 });
    const started = (await engine.control.ledger()).filter(({ type }) => type === 'started');
    for (const id of [wished, recorded, last])
      expect(
        started.filter((entry) => entry.botId === id),
        id,
      ).toHaveLength(2);
  }, 40_000);

  it('is ended by whoever wants no more of it, once', async () => {
    const ids = await fleet(3);
    const { rollout } = await control.restartMany({
      who: 'ann',
      why: 'x',
      filter: { text: `fleet-${ids[0]}` },
    });
    const rolloutId = rollout?._id ?? '';
    expect(await control.stopRollout({ rolloutId, who: 'bob', why: 'wrong image' })).toMatchObject({
      changed: true,
    });
    expect(await over(rolloutId)).toMatchObject({
      state: 'stopped',
      reason: expect.stringContaining('Stopped by bob: wrong image') as string,
    });
    expect(await control.stopRollout({ rolloutId, who: 'bob', why: 'again' })).toMatchObject({
      changed: false,
      outcome: 'It is over.',
    });
    await expect(control.rollout('none')).rejects.toThrow(NotFound);
    const { rollouts, nextToken } = await control.rollouts({ size: 1 });
    expect(rollouts).toMatchObject([{ _id: rolloutId }]);
    const second = await control.rollouts({ size: 100, token: nextToken });
    expect(second.rollouts.map(({ _id }) => _id)).not.toContain(rolloutId);
  }, 40_000);

  it('of nothing is none', async () => {
    expect(await control.restartMany({ who: 'ann', why: 'x', filter: { text: 'no such bot' } })).toEqual({
      bots: 0,
    });
  });
});

/** How many of the bots were down at the same time, at most. */
function mostDown(ledger: readonly LedgerEntry[], ids: readonly string[], sinceMs: number): number {
  const down = new Set<string>();
  let most = 0;
  for (const { type, botId: id, atMs } of ledger.toSorted((one, other) => one.sequence - other.sequence)) {
    if (!ids.includes(id) || atMs < sinceMs) continue;
    if (type === 'ended') down.add(id);
    if (type === 'started') down.delete(id);
    most = Math.max(most, down.size);
  }
  return most;
}
