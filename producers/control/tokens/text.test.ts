import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { idOf, makeToken, matches } from './text.ts';

it('tokens differ, and each is known by its id and its hash alone', () => {
  const tokens = Array.from({ length: 200 }, () => makeToken(randomBytes));
  expect(new Set(tokens.map(({ text }) => text)).size).toBe(200);
  for (const { id, text, hash } of tokens) {
    expect(idOf(text)).toBe(id);
    expect(matches(text, hash)).toBe(true);
    expect(hash).not.toContain(text.slice(-43));
  }
  expect(matches(tokens[0]?.text ?? '', tokens[1]?.hash ?? '')).toBe(false);
});

it.each([
  '',
  'the0_',
  'the0_abc_def',
  `the0_${'a'.repeat(12)}_${'b'.repeat(42)}`,
  `the0_${'A'.repeat(12)}_${'b'.repeat(43)}`,
])('%j is no token', (text) => {
  expect(idOf(text)).toBeUndefined();
});

it('a hash of another length is compared, and is another', () => {
  expect(matches(makeToken(randomBytes).text, 'abc')).toBe(false);
});
