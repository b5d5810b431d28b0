import { expect, it } from 'vitest';
import { ago, lasting, sentence, stamp, until } from './words.ts';

it.each([
  [0, '0 s'],
  [34_400, '34 s'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [2 * 3_600_000 + 11 * 60_000, '2 h 11 min'],
  [12 * 3_600_000 + 11 * 60_000, '12 h'],
  [3 * 86_400_000, '3 d'],
  [-5, '0 s'],
])('calls %d ms %s', (ms, text) => {
  expect(lasting(ms)).toBe(text);
});

it('knows past, future and what is due', () => {
  const now = new Date('2026-11-29T12:00:00Z');
  expect(ago(new Date('2026-11-29T11:59:26Z'), now)).toBe('34 s ago');
  expect(until(new Date('2026-11-29T12:05:00Z'), now)).toBe('in 5 min');
  expect(until(new Date('2026-11-29T11:00:00Z'), now)).toBe('now');
  expect(stamp(now)).toBe('2026-11-29 12:00:00 UTC');
  expect([sentence('It runs'), sentence('It runs.')]).toEqual(['It runs.', 'It runs.']);
});
