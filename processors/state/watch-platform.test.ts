import { describe, expect, it } from 'vitest';
import { suspectedChanges } from './watch-platform.ts';

const bots = (count: number, prefix = 'b') =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('suspectedChanges', () => {
  it('finds what was edited, deleted and added, and nothing else', () => {
    const known = [
      { _id: 'same', etag: 'a' },
      { _id: 'edited', etag: 'a' },
      { _id: 'deleted', etag: 'a' },
      { _id: 'added', etag: null },
      { _id: 'empty', etag: null },
      { _id: 'unknown' },
    ];
    const listed = new Map([
      ['same', 'a'],
      ['edited', 'b'],
      ['added', 'c'],
      ['unknown', 'd'],
      ['not asked for', 'e'],
    ]);
    expect(suspectedChanges(known, listed)).toEqual({
      suspected: ['edited', 'deleted', 'added'],
      lost: 0,
    });
  });

  it('does not find again what is known of already', () => {
    const known = [
      { _id: 'edited', etag: 'a', platformEtag: 'b' },
      { _id: 'deleted', etag: 'a', platformEtag: null },
      { _id: 'edited again', etag: 'a', platformEtag: 'b' },
    ];
    const listed = new Map([
      ['edited', 'b'],
      ['edited again', 'c'],
    ]);
    expect(suspectedChanges(known, listed).suspected).toEqual(['edited again']);
  });

  it('does not believe that everybody deleted their state at once', () => {
    const known = bots(30).map((_id) => ({ _id, etag: 'a' }));
    expect(suspectedChanges(known, new Map())).toEqual({ suspected: [], lost: 30 });
    const few = new Map(bots(25).map((id) => [id, 'a']));
    expect(suspectedChanges(known, few)).toMatchObject({ lost: 0, suspected: { length: 5 } });
    const edited = new Map([['b0', 'z']]);
    expect(suspectedChanges(known, edited)).toEqual({ suspected: ['b0'], lost: 29 });
  });

  it('believes it of a few', () => {
    const known = bots(5).map((_id) => ({ _id, etag: 'a' }));
    expect(suspectedChanges(known, new Map())).toMatchObject({ lost: 0, suspected: { length: 5 } });
  });
});
