import type { Redis } from 'ioredis';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { connectRedis } from '../../infra/redis.ts';
import { EngineRoom } from '../../processors/engine-room.ts';
import { Semaphore } from '../../processors/semaphore.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';

const { redisUrl } = testServers();
const redis = connectRedis(redisUrl, { role: 'producer', onError: () => undefined });
const ROOT = join(import.meta.dirname, '..', '..');
const LIMIT = 4;
/** A seat of a process that was killed is another's by then. */
const FREED_WITHIN_MS = 5_000;
let key = '';
beforeEach(() => {
  key = `test-room:${randomBytes(4).toString('hex')}`;
});
afterAll(() => redis.disconnect());

const roomOn = (connection: Redis, limit = LIMIT): EngineRoom =>
  new EngineRoom({ redis: connection, key, limit });

type Told = { inside: number; waitedMs: number };
type Child = { pid: number; told: Told[]; ended: Promise<unknown>; kill: (signal: NodeJS.Signals) => void };

/** A process that wants a seat for each of its works. */
async function start(works: number, heldMs: number): Promise<Child> {
  const args = [redisUrl, key, String(LIMIT), String(works), String(heldMs)];
  const child = spawn(process.execPath, ['test/support/engine-room-child.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told: Told[] = [];
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('"ready"')) ready.resolve();
    else told.push(JSON.parse(line) as Told);
  });
  const ended = once(child, 'close');
  void ended.then(() => ready.reject(new Error('it ended before it was ready')));
  await ready.promise;
  return { pid: child.pid ?? 0, told, ended, kill: (signal) => void child.kill(signal) };
}

const most = (children: readonly Child[]): number =>
  Math.max(0, ...children.flatMap(({ told }) => told.map(({ inside }) => inside)));

describe('three processes on one engine', () => {
  it('have no more inside at once than one would, and use all of the room', async () => {
    const children = await Promise.all([1, 2, 3].map(() => start(20, 40)));
    await Promise.all(children.map(({ ended }) => ended));
    expect(children.map(({ told }) => told.length)).toEqual([20, 20, 20]);
    expect(most(children)).toBe(LIMIT);
  });

  it('go on when one is killed in the middle of its works, in the whole of the room soon after', async () => {
    const [killed, ...others] = await Promise.all([start(200, 100), start(60, 100), start(60, 100)]);
    await until(
      async () => {
        killed.kill('SIGSTOP');
        if ((await membersOf(killed)).length > 0) return true;
        killed.kill('SIGCONT');
        return false;
      },
      { what: 'a moment at which the first one is inside' },
    );
    killed.kill('SIGKILL');
    await killed.ended;
    const left = await membersOf(killed);
    await redis.zrem(`${key}:inside`, ...left);
    const after = others.map(({ told }) => told.length);
    const sinceThen = (): Told[] => others.flatMap(({ told }, index) => told.slice(after[index]));
    await until(() => sinceThen().some(({ inside }) => inside === LIMIT), {
      timeoutMs: FREED_WITHIN_MS,
      what: 'all seats in use again',
    });
    await Promise.all(others.map(({ ended }) => ended));
    expect(others.map(({ told }) => told.length)).toEqual([60, 60]);
    expect(most([killed, ...others])).toBeLessThanOrEqual(LIMIT);
  });

  it('take turns: a long line of one keeps nobody else out', async () => {
    const greedy = await start(200, 50);
    await until(() => greedy.told.length > 8);
    const modest = await start(1, 10);
    await modest.ended;
    expect(modest.told[0]?.waitedMs).toBeLessThan(1_500);
    greedy.kill('SIGKILL');
    await greedy.ended;
  });
});

const membersOf = async ({ pid }: Child): Promise<string[]> =>
  (await redis.zrange(`${key}:inside`, 0, -1)).filter((member) => member.startsWith(`${pid}:`));

describe('a seat', () => {
  it('costs a start that finds room one question to Redis, and the next one of its process none', async () => {
    let asked = 0;
    const counted = {
      eval: (...args: Parameters<Redis['eval']>) => {
        // By its keys: seats are renewed now and then beside it, by one key, however many starts there are.
        if (args[1] === 3) asked += 1;
        return redis.eval(...args);
      },
      zrem: (...args: Parameters<Redis['zrem']>) => redis.zrem(...args),
    } as Pick<Redis, 'eval' | 'zrem'>;
    const room = new EngineRoom({ redis: counted, key, limit: LIMIT });
    for (let index = 0; index < 10; index += 1) {
      (await room.enter('back'))();
      (await room.enter('back'))();
      expect(asked).toBe(index + 1);
      // Longer than a seat is kept for the next one: each asks anew.
      await sleep(100);
    }
  });

  it('that was lent is taken again before all who wait', async () => {
    const mine = new Semaphore(1, roomOn(redis, 1));
    const theirs = new Semaphore(2, roomOn(redis, 1));
    const order: string[] = [];
    const storage = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    const lending = mine.run(async (place) => {
      await place.lend(() => storage.promise, undefined, 1);
      order.push('lending');
    });
    const other = theirs.run(async () => {
      order.push('other');
      await rest.promise;
    });
    await until(() => order.length === 1, { what: 'the other one inside' });
    const behind = theirs.run(async () => void order.push('behind'));
    await until(async () => (await redis.zcard(`${key}:line`)) === 1, { what: 'one behind it' });
    storage.resolve(undefined);
    await until(async () => (await redis.zcard(`${key}:line`)) === 2, { what: 'both in line' });
    rest.resolve(undefined);
    await Promise.all([lending, other, behind]);
    expect(order).toEqual(['other', 'lending', 'behind']);
  });

  it('that is waited for in vain is given up at once, and its place in the line goes to the next', async () => {
    const room = roomOn(redis, 1);
    const leave = await room.enter('back');
    const leaving = new AbortController();
    const waiting = roomOn(redis, 1).enter('back', leaving.signal);
    await until(async () => (await redis.zcard(`${key}:line`)) === 1);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    leave();
    (await roomOn(redis, 1).enter('back'))();
  });
});

it('without Redis each process keeps to its own limit, and nobody waits for long', async () => {
  const proxy = await FaultProxy.start(Number(new URL(redisUrl).port));
  const own = connectRedis(`redis://127.0.0.1:${proxy.port}`, { role: 'producer', onError: () => undefined });
  try {
    await until(() => own.status === 'ready');
    const semaphore = new Semaphore(2, roomOn(own, 2));
    proxy.silence();
    const beganMs = performance.now();
    let inside = 0;
    let mostInside = 0;
    await Promise.all(
      [1, 2, 3, 4].map(() =>
        semaphore.run(async () => {
          mostInside = Math.max(mostInside, (inside += 1));
          await sleep(5);
          inside -= 1;
        }),
      ),
    );
    expect(mostInside).toBe(2);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
  } finally {
    own.disconnect();
    await proxy[Symbol.asyncDispose]();
  }
});
