import { describe, expect, it } from 'vitest';
import { misfireTable, type TableRules } from './misfire-table.ts';

const HOUR = 3_600_000;
const rules: TableRules = {
  operator: {
    zone: 'UTC',
    minIntervalMs: 1_000,
    misfireWindowMs: 24 * HOUR,
    fireAllCeiling: 100,
    overlapCeiling: 10,
    timeoutMs: 24 * HOUR,
    timeoutCeilingMs: 168 * HOUR,
    retriesCeiling: 10,
  },
  misfireAfterMs: 15_000,
};

const [misfires = [], overlaps = []] = misfireTable(rules)
  .split('\n\n')
  .filter((block) => block.startsWith('|'))
  .map((block) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.slice(2, -2).split(' | ')),
  );
const row = (table: readonly string[][], ...start: string[]): string[] =>
  table.find((cells) => start.every((cell, index) => cells[index] === cell))?.slice(start.length) ?? [];

const RUNS = '**runs**';
const times = (count: number, cell: string): string[] => Array.from({ length: count }, () => cell);

describe('the table of misfire', () => {
  it('tells of ten ticks', () => {
    expect(misfires[0]?.slice(2, -1)).toEqual(
      ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10'].map((minute) => `10:${minute}`),
    );
  });

  it.each([
    [
      '`"skip"`',
      '`"allow"`',
      [...times(9, '·'), RUNS],
      '10:09: missed by 1 min 5 s while nobody handled ticks (misfire skip)',
    ],
    [
      '`"fire-once"`',
      '`"allow"`',
      [...times(8, '·'), RUNS, RUNS],
      '10:08: missed by 2 min 5 s and coalesced into the run of 10:09 UTC (misfire fire-once)',
    ],
    [
      '`"fire-once"`',
      '`"forbid"`',
      [...times(8, '·'), RUNS, '·'],
      '10:10: the run of 10:09 UTC is not over (overlap forbid)',
    ],
    [
      '`{"policy": "fire-once", "window": "1m"}`',
      '`"allow"`',
      [...times(9, '·'), RUNS],
      '10:09: missed by 1 min 5 s, older than the window of 1 min (misfire fire-once)',
    ],
    ['`"fire-all"`', '`"allow"`', times(10, RUNS), ''],
    [
      '`{"policy": "fire-all", "max": 3}`',
      '`"allow"`',
      [...times(6, '·'), ...times(4, RUNS)],
      '10:06: missed by 4 min 5 s, and only the newest 3 missed ticks run (misfire fire-all)',
    ],
    [
      '`{"policy": "fire-all", "window": "5m"}`',
      '`"allow"`',
      [...times(5, '·'), ...times(5, RUNS)],
      '10:05: missed by 5 min 5 s, older than the window of 5 min (misfire fire-all)',
    ],
  ])('%s with overlap %s', (misfire, overlap, cells, reason) => {
    expect(row(misfires, misfire, overlap)).toEqual([...cells, reason]);
    expect(misfires).toHaveLength(9);
  });
});

describe('the table of overlap', () => {
  it.each([
    ['`"forbid"`', ['10:00–10:02:30', '·', '·', '10:03–10:05:30', '·', '·']],
    [
      '`"queue-one"`',
      ['10:00–10:02:30', 'waits, 10:02:30–10:05', '·', 'waits, 10:05–10:07:30', '·', 'waits, 10:07:30–10:10'],
    ],
    [
      '`"replace"`',
      [
        '10:00–10:01, cancelled',
        '10:01–10:02, cancelled',
        '10:02–10:03, cancelled',
        '10:03–10:04, cancelled',
        '10:04–10:05, cancelled',
        '10:05–10:07:30',
      ],
    ],
    [
      '`{"policy": "allow", "max": 2}`',
      ['10:00–10:02:30', '10:01–10:03:30', '·', '10:03–10:05:30', '10:04–10:06:30', '·'],
    ],
    [
      '`{"policy": "allow", "max": 3}`',
      [
        '10:00–10:02:30',
        '10:01–10:03:30',
        '10:02–10:04:30',
        '10:03–10:05:30',
        '10:04–10:06:30',
        '10:05–10:07:30',
      ],
    ],
  ])('%s', (overlap, cells) => {
    expect(row(overlaps, overlap)).toEqual(cells);
    expect(overlaps).toHaveLength(7);
  });
});
