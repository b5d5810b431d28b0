import { describe, expect, it } from 'vitest';
import { withGaps } from './chart-data.ts';

const points = (times: number[], stepMs: number) =>
  withGaps(
    times,
    stepMs,
    (at) => at,
    (at) => at * 2,
  );

describe('the points of a chart', () => {
  it('follow each other', () =>
    expect(points([1_000, 2_000, 3_100], 1_000)).toEqual({
      seconds: [1, 2, 3.1],
      values: [2_000, 4_000, 6_200],
    }));
  it('have a gap where nothing was measured', () =>
    expect(points([1_000, 9_000], 1_000)).toEqual({ seconds: [1, 2, 9], values: [2_000, null, 18_000] }));
  it('have none where it is not known how far apart they are', () =>
    expect(points([1_000, 9_000], 0).values).not.toContain(null));
});
