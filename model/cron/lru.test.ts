import { describe, expect, it } from 'vitest';
import { Lru } from './lru.ts';

describe('Lru', () => {
  it('makes a value once, and forgets what was not asked for longest', () => {
    const made: string[] = [];
    const lru = new Lru<string>(2);
    const get = (key: string): string =>
      lru.get(key, () => {
        made.push(key);
        return key.toUpperCase();
      });
    expect([get('a'), get('b'), get('a'), get('c'), get('a'), get('b')]).toEqual([
      'A',
      'B',
      'A',
      'C',
      'A',
      'B',
    ]);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
  });

  it('never holds more than its limit', () => {
    const lru = new Lru<number>(10);
    for (let index = 0; index < 1000; index++) lru.get(`key ${index}`, () => index);
    expect(lru.size).toBe(10);
  });
});
