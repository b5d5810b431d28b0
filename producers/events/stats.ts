import type { Applied } from './apply.ts';

export type ConsumerState =
  | 'stopped'
  | 'waiting-for-lease'
  | 'waiting-for-nats'
  | 'waiting-for-mongo'
  | 'waiting-for-stream'
  | 'consuming';

/** Counters since the process started, and where the consumer stands. Read it as often as you like. */
export type EventStats = {
  state: ConsumerState;
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
