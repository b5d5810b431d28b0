import { describe, expect, it } from 'vitest';
import { lookAtChange, type Seen } from './watch-change.ts';

const policy = { saveEveryMs: 30_000 };

/** Looks every 10 s at volumes whose listings are these; says at which looks a save was asked for. */
function asked(listings: readonly string[], saved: (look: number) => string | undefined): number[] {
  let seen: Seen | undefined;
  return listings.flatMap((listing, look) => {
    const looked = lookAtChange(seen, { listing, saved: saved(look), atMs: look * 10_000 }, policy);
    seen = looked.seen;
    return looked.isDue ? [look] : [];
  });
}

describe('lookAtChange', () => {
  it('leaves alone what is saved', () => {
    expect(asked(['a', 'a', 'a', 'a'], () => 'a')).toEqual([]);
  });

  it('asks once a change has been quiet for one look', () => {
    expect(asked(['a', 'b', 'b', 'b'], (look) => (look < 3 ? 'a' : 'b'))).toEqual([2]);
  });

  it('asks again and again for what never rests, and no more often than it should', () => {
    const listings = Array.from({ length: 10 }, (_, look) => `l${look}`);
    expect(asked(listings, () => 'a')).toEqual([3, 6, 9]);
  });

  it('asks for what was never saved', () => {
    expect(asked(['a', 'a'], () => undefined)).toEqual([1]);
  });

  it('asks again for what was not saved although it was asked for', () => {
    expect(asked(['b', 'b', 'b', 'b', 'b', 'b'], () => 'a')).toEqual([1, 4]);
  });

  it('forgets a change that was taken back', () => {
    expect(asked(['b', 'a', 'b', 'a'], () => 'a')).toEqual([]);
  });
});
