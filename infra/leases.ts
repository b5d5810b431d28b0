import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from './pause.ts';
import { OutageLog, type Logger } from './logger.ts';
import type { LeaseStore } from './lease-store.ts';
import { messageOf } from './message-of.ts';

/** The lease is over: taken by another, not confirmed in time, or given back because we stop. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  readonly code = 'lease_lost';
  readonly retryable = true;
  constructor(name: string, reason: string) {
    super(`The lease ${name} is not held any more: ${reason}`);
  }
}

/** A lease in hand. `signal` aborts when it is lost; ask `isHeld` before each step that must not be done twice. */
export type HeldLease = {
  /** Counts up with each holder. */
  readonly term: number;
  readonly signal: AbortSignal;
  /** By this process's clocks, which also went on while the process was stopped. */
  isHeld(): boolean;
  /** @throws LeaseLost */
  throwIfLost(): void;
};

/** `monotonicMs` never jumps, but may stand still while the machine sleeps; `wallMs` does the opposite. */
export type LeaseClock = { monotonicMs(): number; wallMs(): number };

export type LeaseOptions = {
  store: LeaseStore;
  name: string;
  /** Shown to people; a random suffix makes it unique. */
  owner: string;
  /** How long others wait after the holder's last renewal. */
  ttlMs?: number;
  renewEveryMs?: number;
  /** How often those who wait ask. */
  retryEveryMs?: number;
  /** Ends it all: the body is aborted and awaited, the lease is given back. */
  signal: AbortSignal;
  log: Logger;
  /** Runs while the lease is held; must end soon after `held.signal` aborts. */
  onAcquired: (held: HeldLease) => Promise<void>;
  onLost?: (reason: LeaseLost) => void;
  clock?: LeaseClock;
};

const SYSTEM_CLOCK: LeaseClock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

const TTL_MS = 5_000;
/** We believe in a lease for less time than others respect it. */
const SAFETY = 0.9;

/**
 * Waits for the lease, runs the body, and starts over when it was lost, until `signal` aborts. At any moment at most
 * one holder of a name believes in it: expiry is judged by the database's clock, and by the holder from the moment
 * *before* it asked, so neither clocks that differ nor slow answers make two. Never throws for MongoDB's absence.
 */
export async function holdLease(options: LeaseOptions): Promise<void> {
  const { store, signal, log, name, ttlMs = TTL_MS, retryEveryMs = 500 } = options;
  const owner = `${options.owner}/${randomUUID()}`;
  const outage = new OutageLog(log, `the lease ${name}`);
  while (!signal.aborted) {
    const askedAt = readClock(options.clock ?? SYSTEM_CLOCK);
    try {
      const lease = await store.take({ name, owner, ttlMs });
      outage.recovered();
      if (lease !== undefined) await runHeld(options, owner, lease.term, askedAt);
    } catch (error) {
      outage.failed(error);
    }
    await pause(retryEveryMs, signal);
  }
}

type Moment = { monotonicMs: number; wallMs: number };
const readClock = (clock: LeaseClock): Moment => ({
  monotonicMs: clock.monotonicMs(),
  wallMs: clock.wallMs(),
});

async function runHeld(options: LeaseOptions, owner: string, term: number, askedAt: Moment): Promise<void> {
  const { store, name, log, signal, clock = SYSTEM_CLOCK, ttlMs = TTL_MS, renewEveryMs = 1500 } = options;
  const end = new AbortController();
  const believedMs = ttlMs * SAFETY;
  let confirmedAt = askedAt;
  let expiry: NodeJS.Timeout | undefined;

  const remainingMs = (): number => {
    const now = readClock(clock);
    return believedMs - Math.max(now.monotonicMs - confirmedAt.monotonicMs, now.wallMs - confirmedAt.wallMs);
  };
  const lose = (reason: string): void => {
    if (!end.signal.aborted) end.abort(new LeaseLost(name, reason));
  };
  const held: HeldLease = {
    term,
    signal: end.signal,
    isHeld() {
      if (!end.signal.aborted && remainingMs() <= 0) lose('its renewal was not confirmed in time');
      return !end.signal.aborted;
    },
    throwIfLost() {
      if (!held.isHeld()) throw end.signal.reason;
    },
  };
  const armExpiry = (): void => {
    clearTimeout(expiry);
    expiry = setTimeout(() => held.isHeld() && armExpiry(), Math.max(1, remainingMs()));
    expiry.unref();
  };
  const stop = (): void => lose('this process is stopping');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  armExpiry();

  const renewals = (async () => {
    const outage = new OutageLog(log, `renewal of the lease ${name}`);
    while (!end.signal.aborted) {
      await pause(outage.isOut ? Math.min(500, renewEveryMs) : renewEveryMs, end.signal);
      if (end.signal.aborted) return;
      const renewalAskedAt = readClock(clock);
      try {
        if (!(await store.renew({ name, owner, term }, ttlMs))) return lose('another took it over');
        confirmedAt = renewalAskedAt;
        armExpiry();
        outage.recovered();
      } catch (error) {
        outage.failed(error);
      }
    }
  })();

  log.debug({ lease: name, term }, 'lease acquired');
  try {
    if (held.isHeld()) await options.onAcquired(held);
    lose('its work ended');
  } catch (error) {
    lose('its work failed');
    if (!(error instanceof LeaseLost) && !isAbort(error))
      log.error({ lease: name, error: messageOf(error) }, 'work under a lease failed');
  } finally {
    clearTimeout(expiry);
    signal.removeEventListener('abort', stop);
    options.onLost?.(end.signal.reason as LeaseLost);
    await release(options, owner, term);
    // A renewal still on its way is harmless: it matches owner and term, which the release has cleared.
    void renewals;
  }
}

/** Best effort and bounded: what is not given back lapses by itself. */
async function release(options: LeaseOptions, owner: string, term: number): Promise<void> {
  const { store, name, log } = options;
  const given = store.giveBack({ name, owner, term }).catch((error: unknown) => {
    log.debug({ lease: name, error: messageOf(error) }, 'lease not released');
  });
  await Promise.race([given, sleep(2000, undefined, { ref: false })]);
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
