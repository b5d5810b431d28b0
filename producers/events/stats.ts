import type { Applied } from './apply.ts';

export const CONSUMER_STATES = [
  'stopped',
  'waiting-for-lease',
  'waiting-for-nats',
  'waiting-for-mongo',
  'waiting-for-stream',
  'consuming',
] as const;

export type ConsumerState = (typeof CONSUMER_STATES)[number];

/** Counters since the process started, and where the consumer stands. Read it as often as you like. */
export type EventStats = {
  state: ConsumerState;
  /** Since when it ought to consume and does not, by the monotonic clock; unset while it does, and while another does. */
  idleSinceMs?: number | undefined;
  /** What went wrong last on the way to the stream. */
  lastError?: string | undefined;
  /** Events by what became of them. */
  applied: Record<Applied, number>;
  poison: number;
  /** Attempts that failed because MongoDB was away or busy. */
  retries: number;
  redelivered: number;
  /** How often a consumer was bound to a stream: each stream's first time, outages, leases won. */
  bindings: number;
  /** Events still in the stream after the last one delivered. */
  pending: number;
  /** Milliseconds from publication to the end of its work, of the last event. */
  lagMs: number;
  lastEventAt?: Date;
};

export const newStats = (): EventStats => ({
  state: 'stopped',
  applied: { created: 0, updated: 0, deleted: 0, unchanged: 0, stale: 0 },
  poison: 0,
  retries: 0,
  redelivered: 0,
  bindings: 0,
  pending: 0,
  lagMs: 0,
});

/** What the consumer waits for when it holds the lease and does not consume. */
const WAITS_FOR: Partial<Record<ConsumerState, string>> = {
  'waiting-for-mongo': 'MongoDB is away',
  'waiting-for-nats': 'NATS is away',
  'waiting-for-stream': 'the stream cannot be read',
};

export function enter(stats: EventStats, state: ConsumerState, nowMs = performance.now()): void {
  stats.state = state;
  if (WAITS_FOR[state] === undefined) stats.idleSinceMs = stats.lastError = undefined;
  else stats.idleSinceMs ??= nowMs;
}

/** A stream that is made anew, or a NATS that is started anew, is back by then. */
const TOLERATED_MS = 5_000;

/** Why no events are consumed, where this process ought to; undefined while it does, or is not the one to do it. */
export function idleReason(
  { state, idleSinceMs, lastError }: Readonly<EventStats>,
  nowMs = performance.now(),
): string | undefined {
  if (idleSinceMs === undefined || nowMs - idleSinceMs < TOLERATED_MS) return undefined;
  const seconds = Math.floor((nowMs - idleSinceMs) / 1000);
  const detail = lastError === undefined ? '' : ` (${lastError})`;
  return `no events for ${seconds} s: ${WAITS_FOR[state] ?? state}${detail}`;
}
