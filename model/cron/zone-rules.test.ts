import { describe, expect, it } from 'vitest';
import { rulesOf } from './zone-rules.ts';

const HOUR_MS = 3_600_000;

const changes = (zone: string, year: number): [string, number][] =>
  rulesOf(zone)
    .transitions(year)
    .map(({ at, before, after }) => [new Date(at).toISOString(), (after - before) / HOUR_MS]);

describe('transitions', () => {
  it('are found to the second', () => {
    expect(changes('Europe/Berlin', 2024)).toEqual([
      ['2024-03-31T01:00:00.000Z', 1],
      ['2024-10-27T01:00:00.000Z', -1],
    ]);
    expect(changes('Asia/Tokyo', 2024)).toEqual([]);
  });

  it('are all found, a week apart', () => {
    expect(changes('America/Noronha', 2000)).toEqual([
      ['2000-02-27T01:00:00.000Z', -1],
      ['2000-10-08T02:00:00.000Z', 1],
      ['2000-10-15T01:00:00.000Z', -1],
    ]);
  });

  it('belong to the year in which they are, whole days included', () => {
    expect(changes('Pacific/Apia', 2011).at(-1)).toEqual(['2011-12-30T10:00:00.000Z', 24]);
    expect(changes('Pacific/Apia', 2012).map(([, hours]) => hours)).toEqual([-1, 1]);
  });
});

describe('stretches', () => {
  it('cover a year without a hole where every instant counts', () => {
    const spans = rulesOf('Europe/Berlin').everyInstant(2024);
    expect(spans.map(({ offsets }) => offsets)).toEqual([[HOUR_MS], [2 * HOUR_MS], [HOUR_MS]]);
    expect(spans[0]?.from).toBe(Date.UTC(2024));
    expect(spans.at(-1)?.until).toBe(Date.UTC(2025));
    for (const [index, span] of spans.entries())
      if (index > 0) expect(span.from).toBe(spans[index - 1]?.until);
  });

  it('leave out the second pass and count the leap twice where each wall time counts', () => {
    const spans = rulesOf('Europe/Berlin')
      .eachWallTimeOnce(2024)
      .map(({ from, until, offsets }) => [
        new Date(from).toISOString().slice(5, 16),
        new Date(until).toISOString().slice(5, 16),
        offsets.map((offset) => offset / HOUR_MS),
      ]);
    expect(spans).toEqual([
      ['01-01T00:00', '03-31T01:00', [1]],
      ['03-31T01:00', '03-31T02:00', [1, 2]],
      ['03-31T02:00', '10-27T01:00', [2]],
      ['10-27T02:00', '01-01T00:00', [1]],
    ]);
  });

  it('reach over the end of a year: Kiritimati had no 31 December 1994', () => {
    const leap = { before: -10 * HOUR_MS, after: 14 * HOUR_MS };
    const rules = rulesOf('Pacific/Kiritimati');
    expect(rules.eachWallTimeOnce(1994).at(-1)).toEqual({
      from: Date.parse('1994-12-31T10:00Z'),
      until: Date.UTC(1995),
      offsets: [leap.before, leap.after],
    });
    expect(rules.eachWallTimeOnce(1995)[0]).toEqual({
      from: Date.UTC(1995),
      until: Date.parse('1995-01-01T10:00Z'),
      offsets: [leap.before, leap.after],
    });
  });
});

describe('rulesOf', () => {
  it('knows a zone once under all its names', () => {
    expect(rulesOf('Europe/Kyiv')).toBe(rulesOf('Europe/Kiev'));
    expect(rulesOf('utc')).toBe(rulesOf('Etc/UTC'));
  });
});
