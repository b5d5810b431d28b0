import { expect, it } from 'vitest';
import { Abandoned } from './abandoned.ts';

it('tells once of a container that too many questions to it were given up, and begins anew with the next', () => {
  const abandoned = new Abandoned(3);
  const tell = (bot: string, container: string, times: number): boolean[] =>
    Array.from({ length: times }, () => abandoned.add(bot, container));
  expect(tell('a', 'a1', 2)).toEqual([false, false]);
  expect(tell('b', 'b1', 1)).toEqual([false]);
  expect(tell('a', 'a1', 2)).toEqual([true, false]);
  expect(tell('a', 'a2', 3)).toEqual([false, false, true]);
});
