import { expect, it } from 'vitest';
import { Recent } from './recent.ts';

it('believes a value for a moment, and keeps no more than it may', () => {
  let nowMs = 0;
  const recent = new Recent<number>({ keepMs: 100, most: 2, now: () => nowMs });
  recent.set('a', 1);
  nowMs = 99;
  expect(recent.get('a')).toBe(1);
  nowMs = 100;
  expect(recent.get('a')).toBeUndefined();
  recent.set('b', 2);
  recent.set('c', 3);
  recent.set('b', 4);
  recent.set('d', 5);
  expect([recent.get('b'), recent.get('c'), recent.get('d')]).toEqual([4, undefined, 5]);
});
