import { describe, expect, it } from 'vitest';
import { RateCap } from './rate-cap.ts';

const START = 1_000_000;

describe('RateCap', () => {
  it('lets a minute’s worth through at once, and the rate from then on', () => {
    const cap = new RateCap({ bytesPerSecond: 100 });
    let passed = 0;
    for (let ms = 0; ms < 120_000; ms += 100) if (cap.admit(100, START + ms)) passed += 100;
    expect(passed).toBeGreaterThanOrEqual(6_000 + 11_800);
    expect(passed).toBeLessThanOrEqual(6_000 + 12_000);
  });

  it('tells what it left out, not too often, and all of it at the end', () => {
    const cap = new RateCap({ bytesPerSecond: 1 });
    expect(cap.admit(60, START)).toBe(true);
    expect(cap.toTell(START)).toBeUndefined();
    expect(cap.admit(10, START)).toBe(false);
    expect(cap.toTell(START)).toEqual({ bytes: 10, lines: 1 });
    expect(cap.admit(20, START + 100)).toBe(false);
    expect(cap.admit(30, START + 200)).toBe(false);
    expect(cap.toTell(START + 300)).toBeUndefined();
    expect(cap.toTell(START + 300, true)).toEqual({ bytes: 50, lines: 2 });
    expect(cap.toTell(START + 99_000, true)).toBeUndefined();
  });

  it('earns nothing by entries that are a little out of order', () => {
    const cap = new RateCap({ bytesPerSecond: 10 });
    expect(cap.admit(600, START)).toBe(true);
    let passed = 0;
    for (let count = 0; count < 100; count += 1) if (cap.admit(1, START - (count % 2) * 1_000)) passed += 1;
    expect(passed).toBe(0);
  });

  it('takes a clock that is set back for one that stands', () => {
    const cap = new RateCap({ bytesPerSecond: 10 });
    expect(cap.admit(600, START)).toBe(true);
    expect(cap.admit(1, START - 3_600_000)).toBe(false);
    expect(cap.admit(10, START - 3_599_000)).toBe(true);
  });
});
