import { describe, expect, it } from 'vitest';
import { parseExact, parseWithoutLoss } from './exact-json.ts';

const again = (text: string): string => JSON.stringify(parseExact(text));

describe('parseExact', () => {
  it.each([
    '{"id":1234567890123456789}',
    '[-1234567890123456789,0.12345678901234567890,1,[{"a":[12345678901234567890e3]}]]',
    '1234567890123456789',
    '[1234567890123.45678]',
    // What only looks like one stays a string.
    '{"a":"1234567890123456789","b":"\\"1234567890123456789","c":1234567890123456789}',
    '{"1234567890123456789":"x","__proto__":1234567890123456789}',
  ])('writes %s again as it was', (text) => {
    expect(again(text)).toBe(text);
  });

  it('leaves what a number holds as it is', () => {
    expect(parseExact('{"a":1234567890123456,"b":"12345678901234567"}')).toEqual({
      a: 1234567890123456,
      b: '12345678901234567',
    });
  });

  it.each([
    '01234567890123456789',
    '{1234567890123456789:1}',
    '[1234567890123456789',
    '1234567890123456789 x',
  ])('refuses %s as JSON.parse does', (text) => {
    expect(() => parseExact(text)).toThrow(SyntaxError);
  });

  it('takes millions of numbers, however deep, without a reviver or recursion', () => {
    const deep = `${'['.repeat(200_000)}1234567890123456789${']'.repeat(200_000)}`;
    const text = `[1234567890123456789,${'1,'.repeat(1_000_000)}${deep}]`;
    expect((parseExact(text) as unknown[]).length).toBe(1_000_002);
  });
});

describe('parseWithoutLoss', () => {
  it.each([
    ['above 2^53', '{"id":9007199254740993}', { id: '9007199254740993' }],
    ['above 2^64', '[-12345678901234567890]', ['-12345678901234567890']],
    ['with more decimals than a double has', '1.123456789012345678', '1.123456789012345678'],
    ['with those on either side of its point', '1234567890123.45678', '1234567890123.45678'],
    ['beyond the largest double', '[1e400,-1e400]', ['1e400', '-1e400']],
    ['beyond the smallest', '5e-400', '5e-400'],
    ['of a thousand digits', '7'.repeat(1_000), '7'.repeat(1_000)],
  ])('keeps one %s as text', (_what, text, value) => {
    expect(parseWithoutLoss(text)).toEqual(value);
  });

  it.each([
    '9007199254740992',
    '0.10000000000000000000',
    // As C prints one with %.17g and %.20f, Java before 19, and Python.
    '0.10000000000000001',
    '0.10000000000000000555',
    '2.0000000000000000E-3',
    '1.234567890123456e-07',
    '1.2345678901234567e+19',
    '1e22',
    '-0',
    '0.0000000000000000e-999',
    '0',
  ])('keeps %s a number', (text) => {
    expect(parseWithoutLoss(text)).toBe(Number(text));
  });

  it('leaves text as it is, and refuses what JSON.parse refuses', () => {
    expect(parseWithoutLoss('{"12345678901234567890":"12345678901234567890 \\""}')).toEqual({
      '12345678901234567890': '12345678901234567890 "',
    });
    expect(() => parseWithoutLoss('[12345678901234567890')).toThrow(SyntaxError);
    expect(() => parseWithoutLoss('{12345678901234567890:1}')).toThrow(SyntaxError);
  });
});
