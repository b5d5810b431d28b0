import type { MongoClient } from 'mongodb';
import type { Logger } from './logger.ts';
import { messageOf } from './message-of.ts';
import { pause } from './pause.ts';
import { within } from './within.ts';

/** A server's time at some moment between question and answer, epoch milliseconds. */
export type TimeSource = () => Promise<number>;

/** This host's clocks: `monotonicMs` never jumps, but may stand still while the machine sleeps; `wallMs` does both. */
export type HostClock = { monotonicMs(): number; wallMs(): number };

/** Servers against which this host's `Date` is measured. */
export type SkewAgainst = 'mongo' | 'redis';

export type TrustedClockOptions = {
  /** The clock that is trusted: the installation's one. */
  mongo: TimeSource;
  /** Measured only. */
  redis?: TimeSource;
  log: Logger;
  /** How far `Date` is ahead of a server, at each measurement. */
  onSkew?: (against: SkewAgainst, seconds: number) => void;
  /** In plain words, once `Date` is further off than is good; undefined once it is right again. */
  onDegraded?: (reason: string | undefined) => void;
  everyMs?: number;
  /** Questions of which the one that was answered soonest counts. */
  samples?: number;
  answerWithinMs?: number;
  host?: HostClock;
};

/** The server's clock as `offsetMs` ahead of our monotonic one, at most `uncertaintyMs` wrong when it was read. */
export type Reading = { offsetMs: number; uncertaintyMs: number; readAtMs: number; skewMs: number };

const SYSTEM_CLOCK: HostClock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

/** Beyond this the process is degraded: delayed jobs of BullMQ come so much too late, or too early. */
const SKEW_LIMIT_MS = 500;
/** From here on a step of a clock is worth a line in the log. */
const STEP_MS = 100;
/** Two clocks that nobody sets drift apart by less than this: 200 µs each second. */
const DRIFT = 0.000_2;
/** After a wall clock that moved by so much against the monotonic one, the machine may have slept: asked again at once. */
const SUSPICIOUS_MS = 250;
/** Servers give whole milliseconds, cut off: on average they are half of one further. */
const HALF_MS = 0.5;

export const mongoTime =
  (client: MongoClient): TimeSource =>
  async () => {
    const hello = await client.db('admin').command({ hello: 1 });
    return (hello['localTime'] as Date).getTime() + HALF_MS;
  };

export const redisTime =
  (redis: { time(): Promise<(number | string)[]> }): TimeSource =>
  async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };

/**
 * The installation's time: that of MongoDB, read now and then and continued by the monotonic clock in between, so that a
 * host whose `Date` is wrong or jumps neither doubles a tick nor loses one. It goes on while MongoDB is away.
 */
export class TrustedClock {
  readonly #options: Required<Omit<TrustedClockOptions, 'redis'>> & Pick<TrustedClockOptions, 'redis'>;
  readonly #stop = new AbortController();
  readonly #skewMs: Partial<Record<SkewAgainst, number>> = {};
  #reading: Reading | undefined;
  #running: Promise<void> | undefined;
  #measuring: Promise<void> | undefined;
  /** Wall clock less monotonic clock when we last looked. */
  #wallOffsetMs: number;
  #degraded = false;

  constructor(options: TrustedClockOptions) {
    this.#options = {
      onSkew: () => undefined,
      onDegraded: () => undefined,
      everyMs: 5_000,
      samples: 5,
      answerWithinMs: 2_000,
      host: SYSTEM_CLOCK,
      ...options,
    };
    this.#wallOffsetMs = this.#readWallOffset();
  }

  /** Resolves once MongoDB has told its time: before, there is none. Rejects if stopped before. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running ??= this.#keepMeasuring(first.resolve);
    const stopped = Promise.withResolvers<never>();
    const onStop = (): void => stopped.reject(this.#stop.signal.reason);
    this.#stop.signal.addEventListener('abort', onStop, { once: true });
    if (this.#stop.signal.aborted) onStop();
    try {
      await Promise.race([first.promise, stopped.promise]);
    } finally {
      this.#stop.signal.removeEventListener('abort', onStop);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the clock was stopped'));
    await this.#running;
    await this.#measuring;
  }

  /** Epoch milliseconds, with fractions. @throws Error before `start` has resolved */
  now(): number {
    if (this.#reading === undefined) throw new Error('MongoDB has not told its time yet');
    if (this.#hostJumped()) void this.#measure();
    return this.#options.host.monotonicMs() + this.#reading.offsetMs;
  }

  /** How far `Date` was ahead of each server when it was last measured, milliseconds. */
  skew(): Readonly<Partial<Record<SkewAgainst, number>>> {
    return { ...this.#skewMs };
  }

  async #keepMeasuring(onFirst: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#measure();
      if (this.#reading !== undefined) onFirst();
      await pause(this.#reading === undefined ? 500 : this.#options.everyMs, signal);
    }
  }

  /** One measurement at a time; never rejects. */
  #measure(): Promise<void> {
    this.#measuring ??= this.#measureAll().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measureAll(): Promise<void> {
    this.#hostJumped();
    // What it moved by little by little is no jump.
    this.#wallOffsetMs = this.#readWallOffset();
    const { mongo, redis } = this.#options;
    await Promise.all([
      this.#read('mongo', mongo, (reading) => this.#follow(reading)),
      redis === undefined ? undefined : this.#read('redis', redis),
    ]);
    this.#judge();
  }

  async #read(against: SkewAgainst, source: TimeSource, then?: (reading: Reading) => void): Promise<void> {
    const { host, samples, answerWithinMs, onSkew, log } = this.#options;
    try {
      const reading = await bestReading(source, { host, samples, answerWithinMs });
      then?.(reading);
      this.#skewMs[against] = reading.skewMs;
      onSkew(against, reading.skewMs / 1000);
    } catch (error) {
      // Away: its connection's own outage log says so, and the clock goes on without.
      log.debug({ against, error: messageOf(error) }, 'The time could not be read');
    }
  }

  #follow(reading: Reading): void {
    const { verdict, byMs } = compare(this.#reading, reading);
    if (verdict === 'stepped' && Math.abs(byMs) >= STEP_MS)
      this.#options.log.warn({ byMs: Math.round(byMs) }, 'MongoDB’s clock stepped; schedules follow it');
    if (verdict !== 'keep') this.#reading = reading;
  }

  #judge(): void {
    const [worst] = Object.entries(this.#skewMs)
      .filter(([, skewMs]) => Math.abs(skewMs) > SKEW_LIMIT_MS)
      .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
    if (worst !== undefined) this.#options.onDegraded(skewText(...worst));
    else if (this.#degraded) this.#options.onDegraded(undefined);
    this.#degraded = worst !== undefined;
  }

  #readWallOffset(): number {
    const { host } = this.#options;
    return host.wallMs() - host.monotonicMs();
  }

  /** Whether the two clocks of this host moved apart since the last call: it slept, or somebody set its time. */
  #hostJumped(): boolean {
    const offsetMs = this.#readWallOffset();
    const byMs = offsetMs - this.#wallOffsetMs;
    if (Math.abs(byMs) < SUSPICIOUS_MS) return false;
    this.#wallOffsetMs = offsetMs;
    this.#options.log.warn({ byMs: Math.round(byMs) }, 'This host’s clock jumped, or the machine slept');
    return true;
  }
}

/**
 * Of several readings the one with the shortest round trip: the server's time belongs to its middle, give or take half
 * of it. Rejects where none was answered.
 */
export async function bestReading(
  source: TimeSource,
  options: { host: HostClock; samples: number; answerWithinMs: number },
): Promise<Reading> {
  let best: Reading | undefined;
  for (let sample = 0; sample < options.samples; sample += 1) {
    try {
      const reading = await readOnce(source, options.host, options.answerWithinMs);
      if (best === undefined || reading.uncertaintyMs < best.uncertaintyMs) best = reading;
    } catch (error) {
      // The others would most likely wait as long in vain.
      if (best === undefined) throw error;
      return best;
    }
  }
  if (best === undefined) throw new Error('no reading was asked for');
  return best;
}

async function readOnce(source: TimeSource, host: HostClock, withinMs: number): Promise<Reading> {
  const wallMs = host.wallMs();
  const askedAtMs = host.monotonicMs();
  const serverMs = await within(withinMs, source());
  const halfTripMs = (host.monotonicMs() - askedAtMs) / 2;
  const readAtMs = askedAtMs + halfTripMs;
  return {
    offsetMs: serverMs - readAtMs,
    uncertaintyMs: halfTripMs + HALF_MS,
    readAtMs,
    skewMs: wallMs + halfTripMs - serverMs,
  };
}

/**
 * What a new reading says about the one we go by: `stepped` where both cannot be true, `adopt` where the new one is the
 * more exact by now, `keep` where it is not: a slow answer must not make the clock waver.
 */
export function compare(
  current: Reading | undefined,
  next: Reading,
): { verdict: 'adopt' | 'keep' | 'stepped'; byMs: number } {
  if (current === undefined) return { verdict: 'adopt', byMs: 0 };
  const byMs = next.offsetMs - current.offsetMs;
  const agedMs = current.uncertaintyMs + DRIFT * Math.max(0, next.readAtMs - current.readAtMs);
  if (Math.abs(byMs) > agedMs + next.uncertaintyMs) return { verdict: 'stepped', byMs };
  return { verdict: next.uncertaintyMs <= agedMs ? 'adopt' : 'keep', byMs };
}

function skewText(against: string, skewMs: number): string {
  const server = against === 'mongo' ? 'MongoDB' : 'Redis';
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return `this host’s clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${direction} that of ${server}`;
}
