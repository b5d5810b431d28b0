import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '../infra/logger.ts';
import { Standby } from './standby.ts';

const calls: string[] = [];
let works = true;
let standby: Standby;

beforeEach(() => {
  vi.useFakeTimers();
  calls.length = 0;
  works = true;
  standby = new Standby({
    probe: async () => {
      if (!works) throw new Error('away');
    },
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  for (const name of ['start', 'stop'])
    standby.add({
      pause: async () => void calls.push(`pause ${name}`),
      resume: async () => void calls.push(`resume ${name}`),
    });
  standby.start();
});
afterEach(() => {
  standby.stop();
  vi.useRealTimers();
});

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);

it('while everything works, nothing is paused', async () => {
  await seconds(10);
  expect(calls).toEqual([]);
  expect(standby.away.aborted).toBe(false);
});

it('an outage pauses every worker once, hands back what is in hand, and ends with what it is about', async () => {
  const inHand = standby.away;
  works = false;
  await seconds(10);
  expect(calls).toEqual(['pause start', 'pause stop']);
  expect(inHand.aborted).toBe(true);
  works = true;
  await seconds(2);
  expect(calls.slice(2)).toEqual(['resume start', 'resume stop']);
  expect(standby.away.aborted).toBe(false);
});

it('a process that is stopping is not put back into service', async () => {
  works = false;
  await seconds(2);
  standby.stop();
  works = true;
  await seconds(10);
  expect(calls).toEqual(['pause start', 'pause stop']);
});
