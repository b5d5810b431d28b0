import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCores, formatMemory, parseQuantity } from './quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['1Gi', 2 ** 30],
    ['512Mi', 512 * 2 ** 20],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['500m', 0.5],
    ['2', 2],
    ['0.25', 0.25],
    ['.5', 0.5],
    ['5.', 5],
    ['1k', 1000],
    ['128M', 128e6],
    ['1e3', 1000],
    ['12E2', 1200],
    ['2E', 2e18],
    ['+3', 3],
    [' 1Gi ', 2 ** 30],
    ['100n', 1e-7],
    [3, 3],
    [0.5, 0.5],
    [0, 0],
  ])('%j is %d', (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value, 10);
  });

  it.each([
    'lots',
    '',
    ' ',
    '1 Gi',
    '1GiB',
    '512MB',
    '1gi',
    '1K',
    '-1',
    '1,5',
    '0x10',
    'Infinity',
    'NaN',
    '1e999',
    '1.2.3',
    '١',
    -1,
    NaN,
    Infinity,
    null,
    true,
    {},
    ['1Gi'],
  ])('%j is none', (value) => {
    expect(parseQuantity(value)).toBeUndefined();
  });

  it('reads back what formatMemory writes, within a percent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 2 ** 45 }), (bytes) => {
        const read = parseQuantity(formatMemory(bytes).replace(' bytes', ''));
        expect(Math.abs((read ?? 0) - bytes) / bytes).toBeLessThan(0.01);
      }),
    );
  });

  it('writes amounts as people do', () => {
    expect([2 ** 30, 1.5 * 2 ** 30, 16 * 2 ** 20, 1536, 1e6, 3].map(formatMemory)).toEqual([
      '1Gi',
      '1.5Gi',
      '16Mi',
      '1.5Ki',
      '1000000 bytes',
      '3 bytes',
    ]);
    expect([0.01, 0.5, 1, 1.25].map(formatCores)).toEqual(['10m', '500m', '1', '1.25']);
  });
});
