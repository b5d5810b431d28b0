import { describe, expect, it } from 'vitest';
import { scrollToSee, windowOf } from './virtual-window.ts';

const LIST = { count: 10_000, rowPx: 34, viewPx: 680 };

describe('the rows that are drawn', () => {
  it('are few at the top, in the middle and at the end', () => {
    expect(windowOf({ ...LIST, scrollPx: 0 })).toEqual({ first: 0, last: 26, topPx: 0, heightPx: 340_000 });
    expect(windowOf({ ...LIST, scrollPx: 3_400 })).toMatchObject({ first: 94, last: 126, topPx: 94 * 34 });
    expect(windowOf({ ...LIST, scrollPx: 9e9 })).toMatchObject({ last: 10_000 });
  });

  it('are none of an empty list', () =>
    expect(windowOf({ ...LIST, count: 0, scrollPx: 0 })).toEqual({
      first: 0,
      last: 0,
      topPx: 0,
      heightPx: 0,
    }));

  it('reach the end of a list that is higher than a browser draws', () => {
    const long = { ...LIST, count: 1_000_000 };
    const { heightPx } = windowOf({ ...long, scrollPx: 0 });
    expect(heightPx).toBe(8_000_000);
    expect(windowOf({ ...long, scrollPx: heightPx - LIST.viewPx }).last).toBe(1_000_000);
    const middle = windowOf({ ...long, scrollPx: (heightPx - LIST.viewPx) / 2 });
    expect(Math.abs((middle.first + middle.last) / 2 - 500_000)).toBeLessThan(20);
    expect(middle.last - middle.first).toBeLessThan(40);
  });
});

describe('scrolling to a row', () => {
  it('is nothing where it is seen', () => expect(scrollToSee({ ...LIST, scrollPx: 0 }, 5)).toBeUndefined());
  it('goes up and down just so far', () => {
    expect(scrollToSee({ ...LIST, scrollPx: 3_400 }, 5)).toBe(170);
    expect(scrollToSee({ ...LIST, scrollPx: 0 }, 20)).toBe(34);
  });
  it('finds the last of a million', () => {
    const long = { ...LIST, count: 1_000_000, scrollPx: 0 };
    const scrollPx = scrollToSee(long, 999_999) ?? 0;
    expect(windowOf({ ...long, scrollPx }).last).toBe(1_000_000);
  });
});
