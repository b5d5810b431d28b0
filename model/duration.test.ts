import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationText, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['0.1s', 100],
    [' 45 ', 45_000],
    ['2.5', 2_500],
    ['0', 0],
    [90, 90_000],
    [0.25, 250],
    [0, 0],
  ])('%j is %d ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms);
  });

  it.each([
    'soon',
    '',
    ' ',
    '1 h',
    '1d',
    '1H',
    '-5s',
    '+5s',
    '5s!',
    '1h30',
    '.5s',
    '1e3s',
    '9'.repeat(63) + 'h',
    '1s'.repeat(10_000),
    -1,
    NaN,
    Infinity,
    1e300,
    null,
    undefined,
    true,
    [],
    ['1s'],
    {},
  ])('%j is none', (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  it('gives whole milliseconds that can be counted in, or nothing', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double(),
      fc.jsonValue(),
      fc.stringMatching(/^[\d.]{1,5}(ms|s|m|h)$/),
    );
    fc.assert(
      fc.property(value, (given) => {
        const ms = parseDuration(given);
        return ms === undefined || (Number.isSafeInteger(ms) && ms >= 0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('durationText', () => {
  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [0.2, '0 s'],
    [500, '500 ms'],
    [1_500, '1 s 500 ms'],
    [15_000, '15 s'],
    [90_000, '1 min 30 s'],
    [720_000, '12 min'],
    [5_400_000, '1 h 30 min'],
    [3_605_000, '1 h'],
    [86_400_000, '24 h'],
    [604_800_000, '168 h'],
  ])('says %d ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it('says what parseDuration reads, less what is finer than two units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (ms) => {
        const read = parseDuration(durationText(ms).replaceAll('min', 'm').replaceAll(' ', '')) ?? NaN;
        return read <= ms && (ms - read) * 60 < ms;
      }),
    );
  });
});
