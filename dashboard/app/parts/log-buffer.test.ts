import { describe, expect, it } from 'vitest';
import { LogBuffer, namesOf, shownOf } from './log-buffer.ts';

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => ({ raw: `line ${from + at}`, atMs: undefined }));

describe('what a line says', () => {
  it('is its message, its level by whatever name, and its time', () =>
    expect(shownOf({ raw: '{"level":"FATAL","message":"no","n":1,"timestamp":5e12}', atMs: 1 })).toEqual({
      text: 'no n=1',
      level: 'error',
      atMs: 5e12,
    }));
  it('is the line where it is no object, and the time at which it was stored', () =>
    expect(shownOf({ raw: 'hello', atMs: 1 })).toEqual({ text: 'hello', level: 'none', atMs: 1 }));
  it('is asked for by all its names', () => expect(namesOf(['warn'])).toEqual(['warn', 'warning']));
});

describe('the lines of a view', () => {
  it('stay bounded, and the newest stay', () => {
    const buffer = new LogBuffer();
    let dropped = 0;
    for (let at = 0; at < 1_000_000; at += 1_000) dropped += buffer.append(lines(at, at + 1_000));
    expect(buffer.entries.length).toBeLessThanOrEqual(50_000);
    expect(buffer.entries.length).toBe(1_000_000 - dropped);
    expect(buffer.entries.at(-1)?.raw).toBe('line 999999');
    expect(buffer.hasDropped).toBe(true);
  });

  it('begin with what came before', () => {
    const buffer = new LogBuffer();
    buffer.append(lines(2, 4));
    buffer.prepend(lines(0, 2));
    expect(buffer.entries.map(({ raw }) => raw)).toEqual(['line 0', 'line 1', 'line 2', 'line 3']);
  });
});
