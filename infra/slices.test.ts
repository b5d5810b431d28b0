import { expect, it } from 'vitest';
import { slices } from './slices.ts';

it('gives all of a list in order, and lets others have their turn between two parts', async () => {
  const turns: string[] = [];
  setImmediate(() => turns.push('somebody else'));
  for await (const part of slices([1, 2, 3, 4, 5], 2)) turns.push(part.join(' '));
  expect(turns).toEqual(['1 2', 'somebody else', '3 4', '5']);
});

it('gives nothing of an empty list', async () => {
  expect(await slices([]).next()).toEqual({ done: true, value: undefined });
});
