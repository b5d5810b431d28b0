import { describe, expect, it } from 'vitest';
import { historyKey, nameOfHistoryKey } from './keys.ts';
import { boundedProblems, contentDigest, listingFingerprint, problemLine } from './manifest.ts';

const entry = { path: 'a', directory: false, mode: 0o640, bytes: 1, mtimeMs: 5, sha256: 'x' };
const other = { ...entry, path: 'b' };

describe('contentDigest', () => {
  it('knows what a state holds, in any order and whenever it was written', () => {
    expect(contentDigest([entry, other])).toBe(contentDigest([other, { ...entry, mtimeMs: 9 }]));
    for (const change of [{ path: 'c' }, { mode: 0o600 }, { sha256: 'y' }, { directory: true }])
      expect(contentDigest([entry])).not.toBe(contentDigest([{ ...entry, ...change }]));
  });
});

describe('listingFingerprint', () => {
  it('changes with whatever is touched', () => {
    const file = { path: 'a', type: 'file', bytes: 1, mtimeNs: '1', ctimeNs: '2', mode: 0o640 } as const;
    for (const change of [{ path: 'c' }, { bytes: 2 }, { mtimeNs: '3' }, { ctimeNs: '4' }, { mode: 0 }])
      expect(listingFingerprint([file])).not.toBe(listingFingerprint([{ ...file, ...change }]));
  });
});

describe('problems', () => {
  it('are bounded in number and length, and quoted', () => {
    expect(problemLine('a\n"b"', 'why')).toBe('"a\\n\\"b\\"": why');
    expect(problemLine('x'.repeat(1000), 'why').length).toBeLessThan(200);
    const many = boundedProblems(Array.from({ length: 50 }, (_, index) => String(index)));
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('and 30 more');
  });
});

describe('keys of earlier archives', () => {
  it('sort by time, and give their name back', () => {
    const early = historyKey('b1', new Date('2026-11-24T03:04:05.006Z'), 'ffffffffff');
    expect(early).toBe('.history/b1/20261124T030405006Z-ffffffff.tar.gz');
    expect(historyKey('b1', new Date('2026-11-24T03:04:05.007Z'), '00000000') > early).toBe(true);
    expect(nameOfHistoryKey('b1', early)).toBe('20261124T030405006Z-ffffffff');
  });

  it.each(['.history/b1/.tar.gz', '.history/b1/a/b.tar.gz', '.history/b2/x.tar.gz', 'b1/state.tar.gz'])(
    'knows that %s is none of b1',
    (key) => {
      expect(nameOfHistoryKey('b1', key)).toBeUndefined();
    },
  );
});
