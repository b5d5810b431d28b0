import { describe, expect, it } from 'vitest';
import { agedReason, archivesBeyond, confirmationCode } from './decide.ts';

const DAY = 24 * 3_600_000;
const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 24, 12);
const POLICY = { keepLogDays: 90, staleMs: HOUR };
const modified = (agoMs: number) => ({ lastModified: new Date(NOW - agoMs) });

describe('what goes for its age', () => {
  const day = (endedAgoMs: number) => ({ kind: 'log-day', id: 'b', endsMs: NOW - endedAgoMs }) as const;

  it('is a log day past its retention, once nobody has written to it for a day', () => {
    expect(agedReason(day(91 * DAY), modified(91 * DAY), POLICY, NOW)?.kind).toBe('old-log-day');
    expect(agedReason(day(90 * DAY), modified(90 * DAY), POLICY, NOW)).toBeUndefined();
    expect(agedReason(day(400 * DAY), modified(HOUR), POLICY, NOW)).toBeUndefined();
  });

  it('is a temporary object or a query result after an hour', () => {
    for (const place of [
      { kind: 'temporary', id: undefined },
      { kind: 'query-result', id: 'b' },
    ] as const) {
      expect(agedReason(place, modified(HOUR + 1), POLICY, NOW)?.kind).toBeDefined();
      expect(agedReason(place, modified(HOUR), POLICY, NOW)).toBeUndefined();
    }
  });

  it('is never state, however old', () => {
    for (const kind of ['state', 'earlier-archive', 'log-other'] as const)
      expect(agedReason({ kind, id: 'b' }, modified(4_000 * DAY), POLICY, NOW)).toBeUndefined();
  });

  it('is what lies beyond the kept archives, but not one that was just made', () => {
    const archives = [5, 1, 3, 2, 4].map((hours) => ({ key: `a${hours}`, ...modified(hours * HOUR) }));
    const gone = (keep: number) =>
      archivesBeyond(archives, { keep, staleMs: HOUR }, NOW).map(({ key }) => key);
    expect(gone(3)).toEqual(['a4', 'a5']);
    expect(gone(5)).toEqual([]);
    expect(gone(0)).toEqual(['a2', 'a3', 'a4', 'a5']);
  });
});

describe('the code of what a dry run showed', () => {
  it('stands for just these ids, in any order', () => {
    expect(confirmationCode(['a', 'b'])).toBe(confirmationCode(new Set(['b', 'a'])));
    expect(confirmationCode(['a', 'b'])).not.toBe(confirmationCode(['a', 'b', 'c']));
    expect(confirmationCode(['ab'])).not.toBe(confirmationCode(['a', 'b']));
  });
});
