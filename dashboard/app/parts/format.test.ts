import { describe, expect, it } from 'vitest';
import { bytes, codeParts, counted, due, lasting, moment, relative, utc } from './format.ts';

const NOW = Date.UTC(2026, 10, 29, 9, 0, 0);

describe('how long something takes', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_500, '1.5 s'],
    [41_900, '41 s'],
    [61_000, '1 min 1 s'],
    [10 * 60_000 + 1_000, '10 min'],
    [7_500_000, '2 h 5 min'],
    [3 * 86_400_000 + 4 * 3_600_000, '3 d 4 h'],
    [40 * 86_400_000, '40 d'],
  ])('%i ms is %s', (ms, text) => expect(lasting(ms)).toBe(text));
});

describe('how long ago', () => {
  it.each([
    [NOW - 500, 'now'],
    [NOW - 12_400, '12 s ago'],
    [NOW - 240_000, '4 min ago'],
    [NOW - 26 * 3_600_000, '26 h ago'],
    [NOW + 12_400, 'in 12 s'],
    [NOW + 3 * 86_400_000, 'in 3 d'],
  ])('%i', (ms, text) => expect(relative(ms, NOW)).toBe(text));
});

describe('what is to come', () => {
  it.each([
    [NOW + 12_400, 'in 12 s'],
    [NOW - 4_000, 'now'],
    [NOW - 70_000, 'overdue by 1 min'],
  ])('%i', (ms, text) => expect(due(ms, NOW)).toBe(text));
});

describe('code in a sentence', () => {
  it('is what is between backticks', () =>
    expect(codeParts('Start a planner (or `up`), `x`: 3 ` 4')).toEqual([
      { text: 'Start a planner (or ', isCode: false },
      { text: 'up', isCode: true },
      { text: '), ', isCode: false },
      { text: 'x', isCode: true },
      { text: ': 3 ` 4', isCode: false },
    ]));
  it('is none in nothing', () => expect(codeParts('')).toEqual([]));
});

describe('moments', () => {
  it('leaves out of the date what is the same today, by the clocks of the zone', () => {
    const ms = Date.UTC(2026, 10, 28, 23, 30, 5);
    expect(moment(ms, NOW, 'UTC')).toBe('28 Nov 23:30:05');
    expect(moment(ms, NOW, 'Europe/Berlin')).toBe('00:30:05');
    expect(moment(Date.UTC(2025, 10, 28, 23, 30, 5), NOW, 'UTC')).toBe('28 Nov 2025 23:30:05');
  });

  it('tells UTC whatever the zone', () => expect(utc(NOW)).toBe('2026-11-29 09:00:00 UTC'));
});

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [52_428_800, '52 MB'],
    [9_990_000_000_000, '10.0 TB'],
  ])('%i bytes', (value, text) => expect(bytes(value)).toBe(text));

  it('counts', () => {
    expect(counted(1, 'bot')).toBe('1 bot');
    expect(counted(10_000, 'bot')).toBe('10,000 bots');
    expect(counted(2, 'query', 'queries')).toBe('2 queries');
  });
});
