import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collection } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease, LeaseLost, type HeldLease, type LeaseOptions } from '../../infra/leases.ts';
import { createLogger } from '../../infra/logger.ts';
import type { LeaseDocument } from '../../infra/mongo/collections.ts';
import { connectMongo, type MongoLink } from '../../infra/mongo/connect.ts';
import { until } from '../support/poll.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';

const TTL_MS = 1000;
/** Where nothing is to lapse: a slow answer or a busy machine must not cost the lease. */
const LONG_TTL_MS = 60_000;
const log = createLogger({ level: 'silent', service: 'test' });
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );

let mongo: OwnServer;
let link: MongoLink;
let database: string;
let stopping: AbortController;
let holders: Promise<void>[];
let children: ChildProcess[];

beforeAll(async () => {
  mongo = await ownMongo();
}, 60_000);
afterAll(async () => {
  await mongo?.dispose();
});
beforeEach(() => {
  link = connectMongo(mongo.url, { appName: 'test', log });
  database = `leases_${randomBytes(4).toString('hex')}`;
  stopping = new AbortController();
  holders = [];
  children = [];
});
afterEach(async () => {
  stopping.abort();
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  await Promise.all(holders);
  await link.close();
});

const leases = (): Collection<LeaseDocument> => link.client.db(database).collection('leases');
function hold(
  owner: string,
  onAcquired: LeaseOptions['onAcquired'],
  rest: Partial<LeaseOptions> = {},
): Promise<void> {
  const holder = holdLease({
    store: new LeaseStore(leases()),
    name: 'one',
    owner,
    ttlMs: TTL_MS,
    renewEveryMs: 300,
    retryEveryMs: 50,
    signal: stopping.signal,
    log,
    onAcquired,
    ...rest,
  });
  holders.push(holder);
  return holder;
}

describe('a lease', () => {
  it('has one holder at a time, however many ask, and changes hands at once when given back', async () => {
    let now = 0;
    let most = 0;
    const order: number[] = [];
    const body = async (held: HeldLease): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      order.push(held.term);
      await sleep(20);
      now -= 1;
    };
    // One that is not given back would be waited for for longer than that.
    for (let i = 0; i < 8; i += 1) void hold(`h${i}`, body, { ttlMs: LONG_TTL_MS });
    await until(() => order.length >= 12);
    expect(most).toBe(1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(new Set(order).size).toBe(order.length);
  });

  it('is kept for longer than it lasts by being renewed', async () => {
    let terms = 0;
    // Long enough that a renewal may take two seconds.
    const ttlMs = 3 * TTL_MS;
    const renewed = async (held: HeldLease): Promise<void> => {
      terms += 1;
      await untilAborted(held.signal);
    };
    void hold('a', renewed, { ttlMs });
    await until(() => terms === 1);
    let intruders = 0;
    void hold('b', async () => {
      intruders += 1;
    });
    await sleep(1.5 * ttlMs);
    expect({ terms, intruders }).toEqual({ terms: 1, intruders: 0 });
  });

  it('is taken over when its holder is robbed of it, and the holder is told', async () => {
    let lost: LeaseLost | undefined;
    void hold('a', (held) => untilAborted(held.signal), {
      ttlMs: LONG_TTL_MS,
      onLost: (reason) => (lost ??= reason),
    });
    await until(async () => (await leases().findOne({ _id: 'one' }))?.owner.startsWith('a/'));
    await leases().updateOne(
      { _id: 'one' },
      { $set: { owner: 'thief', until: new Date(Date.now() + 60_000) }, $inc: { term: 1 } },
    );
    await until(() => lost);
    expect(lost).toBeInstanceOf(LeaseLost);
    expect(lost?.message).toContain('another took it over');
  });

  it('is lost to the holder before others may have it, when MongoDB is away, and won again when it is back', async () => {
    const events: string[] = [];
    let lostAfterMs = 0;
    let outageAt = 0;
    // A tenth of it is what our timer may be late by.
    const ttlMs = 6 * TTL_MS;
    const body = async (held: HeldLease): Promise<void> => {
      events.push('held');
      await untilAborted(held.signal);
      lostAfterMs = Date.now() - outageAt;
      events.push((held.signal.reason as Error).message);
    };
    void hold('a', body, { ttlMs });
    await until(() => events.length === 1);
    outageAt = Date.now();
    mongo.kill('SIGSTOP');
    await until(() => events.length === 2, { timeoutMs: 2 * ttlMs });
    expect(lostAfterMs).toBeLessThanOrEqual(ttlMs);
    expect(events[1]).toContain('not confirmed in time');
    mongo.kill('SIGCONT');
    await until(() => events.length === 3, { timeoutMs: 15_000 });
  });

  it('is found lost by the first look at the clock after a pause, before any timer ran', async () => {
    let monotonic = 0;
    let seen: boolean[] | undefined;
    void hold(
      'a',
      async (held) => {
        const before = held.isHeld();
        monotonic += TTL_MS;
        seen ??= [before, held.isHeld()];
        expect(() => held.throwIfLost()).toThrow(LeaseLost);
      },
      { clock: { monotonicMs: () => monotonic, wallMs: () => 0 } },
    );
    await until(() => seen);
    expect(seen).toEqual([true, false]);
  });

  it('is found lost after the machine slept, although the monotonic clock stood still', async () => {
    let wall = 0;
    let seen: boolean[] | undefined;
    void hold(
      'a',
      async (held) => {
        wall += TTL_MS;
        seen ??= [held.isHeld()];
      },
      { clock: { monotonicMs: () => 0, wallMs: () => wall } },
    );
    await until(() => seen);
    expect(seen).toEqual([false]);
  });

  it('goes to another after the body failed, and does not end the holder', async () => {
    let attempts = 0;
    void hold('a', async () => {
      attempts += 1;
      throw new Error('broken');
    });
    await until(() => attempts >= 3);
    expect(attempts).toBeGreaterThanOrEqual(3);
  });

  it('judges expiry by the database’s clock, not the host’s', async () => {
    let acquiredAt = 0;
    // The database's clock is this machine's; when it has written this, some of the time is over.
    const lapses = new Date(Date.now() + 1500);
    await leases().insertOne({ _id: 'one', owner: 'b/x', until: lapses, term: 1 });
    void hold(
      'a',
      async (held) => {
        acquiredAt = Date.now();
        await untilAborted(held.signal);
      },
      { clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() + 3_600_000 } },
    );
    await until(() => acquiredAt);
    expect(acquiredAt).toBeGreaterThanOrEqual(lapses.getTime());
  });
});

describe('two processes, one of them stopped and continued', () => {
  it('the stopped one finishes the write in hand, and none more, once another has taken over', async () => {
    // Long enough that only who is stopped loses it: a renewal may take two seconds.
    const ttlMs = 3 * TTL_MS;
    const start = (owner: string): ChildProcess => {
      const script = new URL('leases-holder.ts', import.meta.url).pathname;
      const args = [script, mongo.url, database, owner, String(ttlMs)];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      children.push(child);
      return child;
    };
    const ledger = link.client.db(database).collection<{ owner: string; term: number }>('ledger');
    const wrote = (owner: string, after: number): Promise<boolean> =>
      ledger.countDocuments({ owner }).then((count) => count > after);
    const first = start('first');
    await until(() => wrote('first', 5));
    const second = start('second');
    for (let round = 0; round < 3; round += 1) {
      const [stopped, other] = round % 2 === 0 ? [first, 'second'] : [second, 'first'];
      const before = await ledger.countDocuments({ owner: other });
      stopped.kill('SIGSTOP');
      await until(() => wrote(other, before + 5));
      stopped.kill('SIGCONT');
      await sleep(TTL_MS / 2);
    }
    const terms = (await ledger.find().sort({ $natural: 1 }).toArray()).map((entry) => entry.term);
    expect(new Set(terms).size).toBe(4);
    // A write may have passed its check when the process was stopped: no lease can call that one back.
    const late = terms.filter((term, at) => terms.slice(0, at).some((earlier) => earlier > term));
    expect(late.length).toBe(new Set(late).size);
  });
});
