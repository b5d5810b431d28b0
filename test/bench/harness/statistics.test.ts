import { describe, expect, it } from 'vitest';
import { median, percentile, rounded } from './statistics.ts';

describe('the statistics of benches', () => {
  it('take the nearest rank, so that a percentile is a value that was measured', () => {
    const values = Array.from({ length: 300 }, (_, index) => 300 - index);
    expect(percentile(values, 0.5)).toBe(150);
    expect(percentile(values, 0.99)).toBe(297);
    expect(percentile(values, 1)).toBe(300);
    expect(percentile([7], 0.01)).toBe(7);
  });

  it('take the middle of an odd number and the mean of the two middle ones of an even number', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('refuse to speak of nothing', () => {
    expect(() => median([])).toThrow('no values');
    expect(() => percentile([], 0.5)).toThrow('no values');
  });

  it('round by size', () => {
    expect([rounded(1234.567), rounded(12.3456), rounded(0.123456)]).toEqual([1234.6, 12.35, 0.1235]);
  });
});
