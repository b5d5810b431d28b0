import { expect, it } from 'vitest';
import { wrapped } from './wrapped.ts';

it('breaks between words, and leaves a long word whole', () => {
  expect(wrapped('one two three four five six seven', 20)).toEqual(['one two three four', 'five six seven']);
  expect(wrapped(`a ${'x'.repeat(30)} b`, 20)).toEqual(['a', 'x'.repeat(30), 'b']);
  expect(wrapped('', 20)).toEqual(['']);
});
