import { expect, it } from 'vitest';
import { LoginLimiter } from './login-limiter.ts';

const make = () => {
  const clock = { now: 1_000_000 };
  return {
    clock,
    limiter: new LoginLimiter({
      freeTries: 3,
      firstWaitMs: 1_000,
      maxWaitMs: 10_000,
      forgetMs: 60_000,
      maxClients: 2,
      now: () => clock.now,
    }),
  };
};

it('lets people mistype, then doubles the wait up to its limit', () => {
  const { limiter, clock } = make();
  const waits = Array.from({ length: 8 }, () => {
    limiter.failed('a');
    const wait = limiter.waitMs('a');
    clock.now += wait;
    return wait;
  });
  expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

it('makes nobody else wait', () => {
  const { limiter } = make();
  for (let i = 0; i < 5; i += 1) limiter.failed('a');
  expect(limiter.waitMs('b')).toBe(0);
});

it('forgets failures after a success, and after a quiet while', () => {
  const { limiter, clock } = make();
  for (let i = 0; i < 3; i += 1) limiter.failed('a');
  limiter.succeeded('a');
  expect(limiter.waitMs('a')).toBe(0);
  for (let i = 0; i < 2; i += 1) limiter.failed('b');
  clock.now += 60_001;
  limiter.failed('b');
  expect(limiter.waitMs('b')).toBe(0);
});

it('remembers a bounded number of clients', () => {
  const { limiter } = make();
  for (const client of ['a', 'b', 'c']) for (let i = 0; i < 4; i += 1) limiter.failed(client);
  expect(['a', 'b', 'c'].map((client) => limiter.waitMs(client) > 0)).toEqual([false, true, true]);
});
