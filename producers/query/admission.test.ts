import { expect, it } from 'vitest';
import { Admission } from './admission.ts';
import { QueryFailure } from './failure.ts';

it('admits so many of each bot and in all, and others as soon as one is over', () => {
  const admission = new Admission({ perBot: 2, inAll: 3 });
  const first = admission.enter('a');
  admission.enter('a');
  expect(() => admission.enter('a')).toThrow(/QUERIES_PER_BOT/);
  admission.enter('b');
  expect(() => admission.enter('b')).toThrow(/QUERIES_AT_ONCE/);
  expect(() => admission.enter('c')).toThrow(QueryFailure);
  expect(admission.inHand).toBe(3);
  first[Symbol.dispose]();
  admission.enter('a');
  expect(admission.inHand).toBe(3);
});
