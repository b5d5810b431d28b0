import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mongoTime, TrustedClock } from '../../infra/clock.ts';
import { createLogger } from '../../infra/logger.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { ownMongo, type OwnServer } from './events-servers.ts';

const HOUR_MS = 3_600_000;
/** This is about hours and minutes, not about the last millisecond. */
const CLOSE_MS = 100;

type Reading = {
  now: number;
  date: number;
  skew: { mongo?: number; redis?: number };
  degraded?: string;
};

const servers = testServers();
const log = createLogger({ level: 'silent', service: 'test' });
const children: ChildProcess[] = [];
let own: OwnServer;

beforeAll(async () => {
  own = await ownMongo();
});
afterAll(() => own?.dispose());
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await until(() => child.exitCode !== null || child.signalCode !== null);
  }
});

/** A process whose `Date` is wrong; `last` is what it said last, beside our own time when it came. */
function startChild(shiftMs: number): {
  child: ChildProcess;
  last: () => (Reading & { at: number }) | undefined;
} {
  const script = new URL('clock-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, own.url, servers.redisUrl, String(shiftMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let last: (Reading & { at: number }) | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = { ...(JSON.parse(line) as Reading), at: Date.now() };
  });
  return { child, last: () => last };
}

describe('the trusted clock', () => {
  it.each([HOUR_MS, -HOUR_MS])('of a process whose Date is wrong by %d ms is right', async (shiftMs) => {
    const { last } = startChild(shiftMs);
    const reading = await until(() => (last()?.skew.redis === undefined ? undefined : last()));
    expect(Math.abs(reading.date - reading.at - shiftMs)).toBeLessThan(HOUR_MS / 2);
    // Read in the same turn as `Date`, however late it came here.
    expect(Math.abs(reading.now - (reading.date - shiftMs))).toBeLessThan(CLOSE_MS);
    expect(Math.abs((reading.skew.mongo ?? 0) - shiftMs)).toBeLessThan(CLOSE_MS);
    expect(Math.abs((reading.skew.redis ?? 0) - shiftMs)).toBeLessThan(CLOSE_MS);
    // To a tenth of a second, which may be the one beside it: what was measured is no closer than above.
    expect(reading.degraded).toMatch(
      /^this host’s clock is (3599\.9|3600\.[01]) s (ahead of|behind) that of/,
    );
  });

  it('of a process that was stopped for a while is right when it wakes', async () => {
    const { child, last } = startChild(0);
    await until(last, { timeoutMs: 20_000 });
    child.kill('SIGSTOP');
    await sleep(1_500);
    child.kill('SIGCONT');
    const wokeAt = Date.now();
    const reading = await until(() => ((last()?.now ?? 0) >= wokeAt ? last() : undefined));
    expect(Math.abs(reading.now - reading.date)).toBeLessThan(CLOSE_MS);
  });

  it('goes on while MongoDB is paused, and waits for it at the start', async () => {
    const client = new MongoClient(own.url, { serverSelectionTimeoutMS: 500 });
    const clockOf = (): TrustedClock =>
      new TrustedClock({ mongo: mongoTime(client), log, everyMs: 50, answerWithinMs: 300 });
    const clock = clockOf();
    const late = clockOf();
    try {
      await clock.start();
      own.kill('SIGSTOP');
      let started = false;
      const starting = late.start().then(() => (started = true));
      await sleep(1_000);
      expect(Math.abs(clock.now() - Date.now())).toBeLessThan(CLOSE_MS);
      expect(started).toBe(false);
      own.kill('SIGCONT');
      await starting;
      expect(Math.abs(late.now() - Date.now())).toBeLessThan(CLOSE_MS);
    } finally {
      own.kill('SIGCONT');
      await Promise.all([clock.stop(), late.stop()]);
      await client.close();
    }
  });
});
