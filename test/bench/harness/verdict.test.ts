import { expect, it } from 'vitest';
import type { Bench, Figure } from './types.ts';
import { verdict } from './verdict.ts';

const bench: Bench = { name: 'speed', goal: 'fast', run: async () => [] };
const figure = (over: Partial<Figure>): Figure => ({
  name: 'p50',
  value: 10,
  unit: 'ms',
  runs: [10],
  ...over,
});

it('a bench passes only when every figure keeps its limit', () => {
  const good = figure({ limit: { atMost: 10 } });
  const bad = figure({ name: 'p99', value: 51, limit: { atMost: 50 } });
  expect(verdict(bench, [good]).pass).toBe(true);
  expect(verdict(bench, [good, bad])).toMatchObject({
    name: 'speed',
    value: 10,
    goal: '≤ 10 ms',
    pass: false,
    figures: [{ pass: true }, { pass: false }],
  });
});

it('a limit of the ratio is judged by the ratio, and fails when there is none', () => {
  const limit = { of: 'ratio', atLeast: 0.9 } as const;
  expect(verdict(bench, [figure({ ratio: 0.93, anchor: { what: 'bare', value: 11 }, limit })])).toMatchObject(
    { pass: true, ratio: 0.93, anchor: 11, goal: 'ratio ≥ 0.9' },
  );
  expect(verdict(bench, [figure({ limit })]).pass).toBe(false);
});

it('what was not measured is not passed', () => {
  expect(verdict(bench, [figure({ value: Number.NaN, limit: { atMost: 10 } })]).pass).toBe(false);
  expect(() => verdict(bench, [])).toThrow('measured nothing');
});
