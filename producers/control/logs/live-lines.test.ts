import { describe, expect, it } from 'vitest';
import { LiveLines, overlapOf, storedOf } from './live-lines.ts';

const letters = (text: string): string[] => [...text];

describe('where what is stored ends among live lines', () => {
  it.each([
    ['xyzabc', 'abcde', 3, 'the end of the one is the beginning of the other'],
    ['xyz', 'abc', 0, 'nothing of it was heard'],
    ['', 'abc', 0, 'nothing is stored'],
    ['abc', '', 0, 'nothing was heard'],
    ['xab', 'cab', 0, 'the same end after another line is another end'],
    ['aaaa', 'aaa', 1, 'of lines that are all alike, few: what is told twice harms less than what is not'],
  ])('%s, %s: %i (%s)', (stored, live, count) => {
    expect(overlapOf(letters(stored), letters(live))).toBe(count);
  });
});

describe('how many live lines are stored by now, from the same line on', () => {
  it.each([
    ['abc', 'abcde', 3, 'in order'],
    ['', 'abc', 0, 'none is'],
    ['aaa', 'aaaaa', 3, 'lines that are all alike'],
    ['abc', 'a!bc!d', 4, 'marks that were told live alone are passed over'],
    ['axbc', 'abcd', 3, 'what was not heard is stored all the same'],
    ['abc', 'ababc', 5, 'what was told twice'],
  ])('%s, %s: %i (%s)', (stored, live, count) => {
    expect(storedOf(letters(stored), letters(live))).toBe(count);
  });
});

describe('live lines', () => {
  const place = { day: '20261124', offset: 100 };

  it('have positions by the place they are tied to, each like counted for itself', () => {
    const lines = new LiveLines({ lines: 10, bytes: 1_000 });
    for (const text of ['a', 'b']) lines.add(text);
    expect(lines.slice(0).map(({ position }) => position)).toEqual(['', '']);
    lines.tie(place, 1);
    for (const text of ['a', 'b']) lines.add(text);
    const [, one, two, three] = lines.slice(0).map(({ position }) => position.split('.'));
    expect(one?.slice(0, 2)).toEqual(['20261124', '100']);
    expect([one?.[3], two?.[3], three?.[3]]).toEqual(['1', '1', '2']);
    expect(one?.[2]).toBe(three?.[2]);
    expect(lines.anchor).toMatchObject({ place, from: 1 });
  });

  it('are kept in bounded space, and tied to nothing once some after the place are gone', () => {
    const lines = new LiveLines({ lines: 3, bytes: 1_000 });
    lines.tie(place, 0);
    for (const text of ['a', 'b', 'c']) lines.add(text);
    expect(lines.anchor).toBeDefined();
    lines.add('d');
    expect([
      lines.first,
      lines.end,
      lines
        .slice(0)
        .map(({ text }) => text)
        .join(''),
    ]).toEqual([1, 4, 'bcd']);
    expect(lines.anchor).toBeUndefined();
    const wide = new LiveLines({ lines: 100, bytes: 25 });
    for (let n = 0; n < 10; n += 1) wide.add('x'.repeat(10));
    expect(wide.end - wide.first).toBe(2);
  });
});
