import { describe, expect, it } from 'vitest';
import { relative, span, timeWithAge, took } from './relative-time.ts';
import { countsLine, factLines, outputLines, paint, table } from './table.ts';

const now = new Date('2026-11-23T12:00:00Z');
const look = { nowMs: now.getTime(), columns: undefined, colour: false };

it.each([
  [0, '0s'],
  [999, '1s'],
  [65_000, '1m 5s'],
  [3_600_000, '1h'],
  [90_061_000, '1d 1h'],
])('writes %d ms as %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

it('knows past and future', () => {
  expect(relative('2026-11-23T11:59:50Z', now.getTime())).toBe('10s ago');
  expect(relative('2026-11-23T12:00:20Z', now.getTime())).toBe('in 20s');
  expect(relative(null, now.getTime())).toBe('-');
});

it.each([
  [-5, '0.0s'],
  [440, '0.4s'],
  [9_949, '9.9s'],
  [9_950, '10s'],
  [65_000, '1m 5s'],
])('says that %d ms were %s', (ms, text) => {
  expect(took(ms)).toBe(text);
});

it('shows a time with its age', () => {
  expect(timeWithAge('2026-11-23T11:55:00.000Z', now.getTime())).toBe('2026-11-23T11:55:00.000Z (5m ago)');
  expect(timeWithAge(null, now.getTime())).toBe('-');
});

describe('a table', () => {
  const rows = [
    { cells: ['a', 'first', 'a rather long last cell'] },
    { cells: ['bbbb', '2', 'short'], painted: { column: 1, colour: 'red' as const } },
  ];

  it('aligns its columns and cuts the last at the edge', () => {
    expect(table(['ID', 'N', 'WHY'], rows, { ...look, columns: 27 })).toEqual([
      'ID    N      WHY',
      'a     first  a rather long…',
      'bbbb  2      short',
    ]);
  });

  it('makes inner columns narrower where the last would have no room; never the first', () => {
    const wide = [{ cells: ['a-long-id-to-copy', 'a name of many words', 'running', 'it runs well'] }];
    const [head, line] = table(['ID', 'NAME', 'PHASE', 'REASON'], wide, { ...look, columns: 50 });
    expect([head, line]).toEqual([
      'ID                 NAME        PHASE    REASON',
      'a-long-id-to-copy  a name of…  running  it runs w…',
    ]);
    expect(line).toHaveLength(50);
    // Narrower than what can be: nothing more is lost.
    expect(table(['ID', 'NAME', 'PHASE', 'REASON'], wide, { ...look, columns: 20 })[1]).toContain(
      'a-long-id-to-copy  a name …',
    );
  });

  it('paints one cell of a row, its padding included, only where colour is wanted', () => {
    const [, , coloured] = table(['ID', 'N', 'WHY'], rows, { ...look, colour: true });
    expect(coloured).toBe(`bbbb  ${paint('red', '2    ', { colour: true })}  short`);
    expect(paint('red', '2', look)).toBe('2');
  });

  it('lets nobody write over the terminal', () => {
    expect(table(['ID'], [{ cells: ['\u001b[2J'] }], look).join('')).not.toContain('\u001b');
    expect(factLines([['id', '\u001b[2J']], look).join('')).not.toContain('\u001b');
    expect(outputLines(['\u001b[2J']).join('')).not.toContain('\u001b');
  });
});

it('counts what occurs, in the given order', () => {
  expect(countsLine(['x', 'y', 'z'], ['z', 'x', 'z'])).toBe('1 x, 2 z');
});
