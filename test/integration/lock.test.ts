import { MongoClient, type Collection } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BotStatus } from '../../model/status.ts';
import { LockLost } from '../../processors/errors.ts';
import { BotLock, LOCK_TTL_MS } from '../../processors/lock.ts';
import { newBotId } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const servers = testServers();
let client: MongoClient;
let statuses: Collection<BotStatus>;
let botId: string;

beforeAll(() => {
  client = new MongoClient(servers.mongoUri, { writeConcern: { w: 'majority' } });
  statuses = client.db(servers.databases.runtime).collection('bot_status');
});
afterAll(() => client.close());
beforeEach(() => {
  botId = newBotId();
});

const acquire = (owner: string, monotonicMs?: () => number) =>
  BotLock.acquire({ statuses, botId, owner, ...(monotonicMs === undefined ? {} : { monotonicMs }) });

async function held(owner: string, monotonicMs?: () => number): Promise<BotLock> {
  const lock = await acquire(owner, monotonicMs);
  if (lock === undefined) throw new Error('the lock is busy');
  return lock;
}

/** The next holder, as if the one before had died. That one still renews: where it was quicker, its time is over again. */
async function heldAfterLapse(owner: string): Promise<BotLock> {
  return until(async () => {
    await statuses.updateOne({ _id: botId }, { $set: { 'lock.until': new Date(0) } });
    return acquire(owner);
  });
}

describe('BotLock', () => {
  it('has one holder, however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => acquire(`p${n}`)));
    expect(answers.filter((lock) => lock !== undefined)).toHaveLength(1);
    await answers.find((lock) => lock !== undefined)?.release();
  });

  it('is not given twice to the same process either', async () => {
    const lock = await held('p');
    expect(await acquire('p')).toBeUndefined();
    await lock.release();
    const again = await held('p');
    expect(again.token).toBeGreaterThan(lock.token);
    await again.release();
  });

  it('outlives its time to live while its holder lives', async () => {
    const lock = await held('p');
    const ends = performance.now() + LOCK_TTL_MS * 1.3;
    await until(() => performance.now() > ends, { timeoutMs: LOCK_TTL_MS * 2, everyMs: 100 });
    expect(await acquire('other')).toBeUndefined();
    lock.assertHeld();
    await lock.release();
  });

  it('passes on when its holder died, with a higher token, and the old holder can write nothing any more', async () => {
    const dead = await held('dead');
    const next = await heldAfterLapse('next');
    expect(next.token).toBeGreaterThan(dead.token);
    await expect(dead.update({ set: { reason: 'I am still here' } })).rejects.toThrow(LockLost);
    expect(() => dead.assertHeld()).toThrow(LockLost);
    expect(dead.lost.aborted).toBe(true);
    await next.release({ set: { reason: 'mine' } });
    expect(await statuses.findOne({ _id: botId })).toMatchObject({ reason: 'mine', lock: null });
  });

  it('release by a holder that lost it takes it from nobody', async () => {
    const dead = await held('dead');
    const next = await heldAfterLapse('next');
    await expect(dead.release()).rejects.toThrow(LockLost);
    await next.confirm();
    await next.release();
  });

  it('is not trusted by a process that was stopped for a while, before it has asked anybody', async () => {
    let skippedMs = 0;
    const lock = await held('paused', () => performance.now() + skippedMs);
    lock.assertHeld();
    skippedMs = LOCK_TTL_MS;
    expect(() => lock.assertHeld()).toThrow(LockLost);
  });

  it('goes on counting after the status was deleted with its bot', async () => {
    const first = await held('p');
    await first.releaseAndForget();
    expect(await statuses.findOne({ _id: botId })).toBeNull();
    const second = await held('p');
    expect(second.token).toBeGreaterThan(first.token);
    await second.release();
  });

  it('finds the status as it was and starts a new one complete', async () => {
    const first = await held('p');
    expect(first.found).toMatchObject({ phase: 'pending', restarts: 0, consecutiveFailures: 0 });
    await first.release({ set: { phase: 'running', restarts: 3 } });
    const second = await held('p');
    expect(second.found).toMatchObject({ phase: 'running', restarts: 3 });
    await second.release();
  });
});
