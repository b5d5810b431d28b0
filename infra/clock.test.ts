import { afterEach, describe, expect, it } from 'vitest';
import {
  bestReading,
  compare,
  TrustedClock,
  type HostClock,
  type Reading,
  type TimeSource,
} from './clock.ts';
import { createLogger } from './logger.ts';
import { until } from '../test/support/poll.ts';

const EPOCH = Date.parse('2026-11-24T10:00:00Z');

/** A host and its servers whose time passes only when told. */
class World implements HostClock {
  #elapsedMs = 0;
  sleptMs = 0;
  wallOffByMs = 0;
  mongoOffByMs = 0;
  redisOffByMs = 0;
  mongoAway = false;
  /** Way there and way back. */
  tripMs: [number, number] = [0, 0];

  monotonicMs(): number {
    return 7_000 + this.#elapsedMs - this.sleptMs;
  }
  wallMs(): number {
    return EPOCH + this.#elapsedMs + this.wallOffByMs;
  }
  get trueMs(): number {
    return EPOCH + this.#elapsedMs;
  }
  pass(ms: number): void {
    this.#elapsedMs += ms;
  }
  sleep(ms: number): void {
    this.#elapsedMs += ms;
    this.sleptMs += ms;
  }
  mongo: TimeSource = async () => {
    if (this.mongoAway) throw new Error('away');
    return this.#answer(() => this.trueMs + this.mongoOffByMs);
  };
  redis: TimeSource = async () => this.#answer(() => this.trueMs + this.redisOffByMs);

  #answer(time: () => number): number {
    this.pass(this.tripMs[0]);
    const answer = time();
    this.pass(this.tripMs[1]);
    return answer;
  }
}

const lines: { level: string; msg: string; byMs?: number }[] = [];
const log = createLogger({
  level: 'info',
  service: 'test',
  destination: { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) },
});
const clocks: TrustedClock[] = [];

function clockOf(world: World, options: Partial<ConstructorParameters<typeof TrustedClock>[0]> = {}) {
  const clock = new TrustedClock({ mongo: world.mongo, log, host: world, everyMs: 5, ...options });
  clocks.push(clock);
  return clock;
}

afterEach(async () => {
  await Promise.all(clocks.splice(0).map((clock) => clock.stop()));
  lines.length = 0;
});

describe('one reading', () => {
  it('belongs to the middle of its round trip, and says how wrong it may be', async () => {
    const world = new World();
    world.tripMs = [10, 30];
    const reading = await bestReading(world.mongo, { host: world, samples: 1, answerWithinMs: 100 });
    expect(reading.uncertaintyMs).toBe(20.5);
    const errorMs = world.monotonicMs() + reading.offsetMs - world.trueMs;
    expect(Math.abs(errorMs)).toBeLessThanOrEqual(reading.uncertaintyMs);
  });

  it('is the one of several that was answered soonest', async () => {
    const world = new World();
    const trips: [number, number][] = [
      [50, 0],
      [1, 1],
      [0, 400],
    ];
    const slow: TimeSource = async () => {
      world.tripMs = trips.shift() ?? [9, 9];
      return world.mongo();
    };
    const reading = await bestReading(slow, { host: world, samples: 3, answerWithinMs: 100 });
    expect(reading.uncertaintyMs).toBe(1.5);
    expect(world.monotonicMs() + reading.offsetMs).toBe(world.trueMs);
  });

  it('that no answer comes to is given up', async () => {
    const silent: TimeSource = () => new Promise(() => undefined);
    await expect(bestReading(silent, { host: new World(), samples: 5, answerWithinMs: 5 })).rejects.toThrow(
      'no answer within 5 ms',
    );
  });
});

describe('a new reading', () => {
  const reading = (offsetMs: number, uncertaintyMs: number, readAtMs: number): Reading => ({
    offsetMs,
    uncertaintyMs,
    readAtMs,
    skewMs: 0,
  });
  const current = reading(1_000, 1, 0);

  it.each([
    ['is adopted where there is none', undefined, reading(5, 900, 0), 'adopt'],
    ['is adopted where it is as exact', current, reading(1_000.5, 1, 5_000), 'adopt'],
    ['is passed over where it is less exact and agrees', current, reading(1_020, 30, 5_000), 'keep'],
    [
      'is adopted where it is less exact, and the old one has aged',
      current,
      reading(1_000, 1.9, 5_000),
      'adopt',
    ],
    ['is followed where both cannot be true', current, reading(900, 30, 5_000), 'stepped'],
  ] as const)('%s', (_title, before, next, verdict) => {
    expect(compare(before, next).verdict).toBe(verdict);
  });

  it('says by how much the clock stepped', () => {
    expect(compare(current, reading(-2_600_000, 1, 5_000))).toEqual({ verdict: 'stepped', byMs: -2_601_000 });
  });
});

describe('the trusted clock', () => {
  it('has no time before MongoDB has told it, and waits for that', async () => {
    const world = new World();
    world.mongoAway = true;
    const clock = clockOf(world);
    expect(() => clock.now()).toThrow('has not told');
    let started = false;
    const starting = clock.start().then(() => (started = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(started).toBe(false);
    world.mongoAway = false;
    await starting;
    expect(clock.now()).toBe(world.trueMs);
  });

  it('that is stopped before MongoDB answers says so to who waits', async () => {
    const world = new World();
    world.mongoAway = true;
    const clock = clockOf(world);
    const starting = clock.start();
    const rejected = expect(starting).rejects.toThrow('the clock was stopped');
    await clock.stop();
    await rejected;
  });

  it('goes on while MongoDB is away', async () => {
    const world = new World();
    const clock = clockOf(world);
    await clock.start();
    world.mongoAway = true;
    world.pass(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(clock.now()).toBe(world.trueMs);
    expect(lines).toEqual([]);
  });

  it.each([3_600_000, -3_600_000])('does not follow a Date that is shifted by %d ms', async (byMs) => {
    const world = new World();
    const reasons: (string | undefined)[] = [];
    const clock = clockOf(world, { onDegraded: (reason) => reasons.push(reason) });
    await clock.start();
    world.wallOffByMs = byMs;
    expect(clock.now()).toBe(world.trueMs);
    await until(() => reasons.length > 0);
    expect(reasons[0]).toBe(
      `this host’s clock is 3600.0 s ${byMs > 0 ? 'ahead of' : 'behind'} that of MongoDB`,
    );
    expect(clock.skew().mongo).toBe(byMs);
    world.wallOffByMs = 0;
    await until(() => reasons.at(-1) === undefined);
    expect(lines.map(({ msg, byMs: size }) => [msg, size])).toEqual([
      ['This host’s clock jumped, or the machine slept', byMs],
      ['This host’s clock jumped, or the machine slept', -byMs],
    ]);
  });

  it('follows MongoDB’s own clock where that is set, with a line that says by how much', async () => {
    const world = new World();
    const clock = clockOf(world);
    await clock.start();
    world.mongoOffByMs = -90_000;
    await until(() => clock.now() === world.trueMs - 90_000);
    expect(lines).toMatchObject([
      { level: 'warn', byMs: -90_000, msg: 'MongoDB’s clock stepped; schedules follow it' },
    ]);
  });

  it('is asked again at once after the machine slept, and never ran ahead meanwhile', async () => {
    const world = new World();
    const clock = clockOf(world, { everyMs: 3_600_000 });
    await clock.start();
    world.sleep(600_000);
    expect(clock.now()).toBe(world.trueMs - 600_000);
    await until(() => clock.now() === world.trueMs);
  });

  it('reports the skew against both servers at each measurement', async () => {
    const world = new World();
    world.mongoOffByMs = 200;
    world.redisOffByMs = -450;
    const reports = new Map<string, number>();
    const clock = clockOf(world, {
      redis: world.redis,
      onSkew: (against, seconds) => reports.set(against, seconds),
      onDegraded: (reason) => expect.unreachable(reason),
    });
    await clock.start();
    await until(() => reports.size === 2);
    expect(Object.fromEntries(reports)).toEqual({ mongo: -0.2, redis: 0.45 });
    expect(clock.skew()).toEqual({ mongo: -200, redis: 450 });
  });
});
