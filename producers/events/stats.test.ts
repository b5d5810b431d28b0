import { expect, it } from 'vitest';
import { enter, idleReason, newStats } from './stats.ts';

it('who consumes, or leaves it to another, has nothing to say', () => {
  const stats = newStats();
  expect(idleReason(stats, 60_000)).toBeUndefined();
  enter(stats, 'waiting-for-lease', 0);
  expect(idleReason(stats, 60_000)).toBeUndefined();
  enter(stats, 'consuming', 0);
  expect(idleReason(stats, 60_000)).toBeUndefined();
});

it('who ought to consume and does not says so after some seconds, with what it waits for and why', () => {
  const stats = newStats();
  enter(stats, 'waiting-for-nats', 1_000);
  expect(idleReason(stats, 5_000)).toBeUndefined();
  enter(stats, 'waiting-for-stream', 5_000);
  stats.lastError = 'stream not found';
  expect(idleReason(stats, 13_000)).toBe('no events for 12 s: the stream cannot be read (stream not found)');
});

it('a moment of consuming ends what went before', () => {
  const stats = newStats();
  enter(stats, 'waiting-for-stream', 0);
  stats.lastError = 'stream not found';
  enter(stats, 'consuming', 9_000);
  enter(stats, 'waiting-for-nats', 9_500);
  expect(idleReason(stats, 10_000)).toBeUndefined();
  expect(idleReason(stats, 15_000)).toBe('no events for 5 s: NATS is away');
});
