import { describe, expect, it } from 'vitest';
import { shown } from './shown.ts';

describe('shown', () => {
  it.each([
    ['ten', '"ten"'],
    ['a\nb', '"a\\nb"'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [1e21, '1e+21'],
    [false, 'false'],
    [null, 'null'],
    [['sk-canary'], 'an array'],
    [{ key: 'sk-canary' }, 'an object'],
    ['sk-canary-0123456789abcdef', 'a text of 26 characters'],
  ])('%j becomes %s', (value, text) => {
    expect(shown(value)).toBe(text);
  });
});
