import { expect, it } from 'vitest';
import { allOf } from './pages.ts';

/** A list of 2,500. */
const asked: { size: number; token: string }[] = [];
const list = async ({ size, token }: { size: number; token: string }) => {
  asked.push({ size, token });
  const from = Number(token);
  const items = Array.from({ length: Math.min(size, 2_500 - from) }, (_, at) => from + at);
  const next = from + items.length;
  return { items, nextToken: next < 2_500 ? String(next) : '' };
};

it('gives all, page by page, and never more than is wanted', async () => {
  expect(await allOf(list)).toEqual(Array.from({ length: 2_500 }, (_, at) => at));
  expect(asked).toHaveLength(3);
  asked.length = 0;
  expect(await allOf(list, 1_200)).toHaveLength(1_200);
  expect(asked.map(({ size }) => size)).toEqual([1_000, 200]);
});
