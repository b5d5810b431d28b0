import { expect, it } from 'vitest';
import { isOlder } from './versions.ts';

it('compares numbers, not texts, and judges nothing that has none', () => {
  expect(isOlder('20.10.24+dfsg1', '20.10')).toBe(false);
  expect(isOlder('9.1', '20.10')).toBe(true);
  expect(isOlder('v2.8.4', '2.9')).toBe(true);
  expect(isOlder('2.10.1', '2.9')).toBe(false);
  expect(isOlder('20.9', '20.10')).toBe(true);
  expect(isOlder('4', '4.2')).toBe(true);
  expect(isOlder('(unknown)', '1.0')).toBe(false);
});
