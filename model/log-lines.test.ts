import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutLine, dayOf, markLine, storedLine } from './log-lines.ts';

const TIME = '2026-11-24T03:04:05.678901234Z';
const STAMP = '"timestamp":"2026-11-24T03:04:05Z"';
const message = (text: string): string => `{${STAMP},"message":${text}}`;

/** Printed, stored. */
const GOLDEN: readonly [string, string | Buffer, string | undefined][] = [
  ['plain text', 'hello', message('"hello"')],
  ['space around it', '\t hello there \r', message('"hello there"')],
  ['quotes and backslashes', 'say "hi" \\o/', message('"say \\"hi\\" \\\\o/"')],
  ['no HTML escapes', '<a href="x">&</a>', message('"<a href=\\"x\\">&</a>"')],
  ['an empty line', '', undefined],
  ['only space', ' \t\v\f\r\u00a0\u0085\u2003', undefined],
  ['an object with timestamp', '{"b":1,"timestamp":"t","a":2}', '{"b":1,"timestamp":"t","a":2}'],
  ['a timestamp that is a number', '{"timestamp": 17e11}', '{"timestamp": 17e11}'],
  ['a timestamp that is null', '{"timestamp":null}', '{"timestamp":null}'],
  ['its inner space is kept', '  { "timestamp" : 1 }  ', '{ "timestamp" : 1 }'],
  ['an object without', '{"b":1,"a":2}', `{"b":1,"a":2,${STAMP}}`],
  ['64-bit ids survive', '{"id":12345678901234567890}', `{"id":12345678901234567890,${STAMP}}`],
  ['numbers keep their form', '{"n":1.0e+3,"m":-0}', `{"n":1.0e+3,"m":-0,${STAMP}}`],
  ['an empty object', '{ }', `{ ${STAMP}}`],
  ['space before its end', '{"a":1 }', `{"a":1 ,${STAMP}}`],
  ['a timestamp further down', '{"a":{"timestamp":1}}', `{"a":{"timestamp":1},${STAMP}}`],
  ['a timestamp within a text', '{"a":"\\"timestamp\\":1"}', `{"a":"\\"timestamp\\":1",${STAMP}}`],
  ['an escaped name', '{"\\u0074imestamp":1}', '{"\\u0074imestamp":1}'],
  ['__proto__', '{"__proto__":{"timestamp":1}}', `{"__proto__":{"timestamp":1},${STAMP}}`],
  ['a metric', '{"_metric":"pnl","v":1}', `{"_metric":"pnl","v":1,${STAMP}}`],
  ['an array', '[1,2]', message('"[1,2]"')],
  ['a number', '42', message('"42"')],
  ['a text', '"x"', message('"\\"x\\""')],
  ['null', 'null', message('"null"')],
  ['nearly an object', '{"a":1', message('"{\\"a\\":1"')],
  ['two objects', '{"a":1}{"b":2}', message('"{\\"a\\":1}{\\"b\\":2}"')],
  ['a byte order mark', '\ufeff{"a":1}', message('"\ufeff{\\"a\\":1}"')],
  ['other alphabets', '价格 😀', message('"价格 😀"')],
  ['in an object with timestamp', '{"timestamp":"价格 😀"}', '{"timestamp":"价格 😀"}'],
  ['NUL and other controls', 'a\0b\u0007c', message('"a\\u0000b\\u0007c"')],
  ['NUL within an object', '{"a":"\0"}', message('"{\\"a\\":\\"\\u0000\\"}"')],
  ['ANSI art', '\u001b[31m██\u001b[0m', message('"\\u001b[31m██\\u001b[0m"')],
  ['a progress bar', '10%\r20%\r', message('"10%\\r20%"')],
  ['Unicode’s own line ends', 'a\u2028b\u2029c', message('"a\\u2028b\\u2029c"')],
  ['no UTF-8', Buffer.of(0x61, 0xff, 0xfe, 0x62), message('"a\ufffd\ufffdb"')],
  ['no UTF-8 in an object', Buffer.from('{"timestamp":"\xff"}', 'latin1'), '{"timestamp":"\ufffd"}'],
  ['no UTF-8 in one without', Buffer.from('{"a":"\xff"}', 'latin1'), `{"a":"\ufffd",${STAMP}}`],
  [
    'a line like our own gap mark',
    '{"level":"warn","message":"[the0] x","gap":1,"timestamp":"t"}',
    '{"level":"warn","message":"[the0] x","gap":1,"timestamp":"t"}',
  ],
  ['a line like our own cursor', '{"v":1,"c":[]}', `{"v":1,"c":[],${STAMP}}`],
];

describe('storedLine', () => {
  it.each(GOLDEN)('%s', (_name, printed, stored) => {
    expect(storedLine(Buffer.from(printed), TIME)?.toString('utf8')).toBe(stored);
  });

  it('whatever is printed, one valid JSON object with a timestamp comes out, in valid UTF-8', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10))),
      fc.json().map((json) => Buffer.from(json.replaceAll('\n', ' '))),
      fc.object().map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(anything, (printed) => {
        const stored = storedLine(printed, TIME);
        if (stored === undefined) return;
        expect(stored.includes(10)).toBe(false);
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(stored);
        expect(JSON.parse(text)).toHaveProperty('timestamp');
      }),
      { numRuns: 2_000 },
    );
  });

  it('an object keeps every byte it had', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        const stored = storedLine(Buffer.from(text), TIME)?.toString('utf8') ?? '';
        if (Object.hasOwn(value, 'timestamp')) expect(stored).toBe(text);
        else expect(stored.startsWith(text.slice(0, -1))).toBe(true);
      }),
    );
  });
});

describe('cutLine', () => {
  it('says so, and is cut between characters', () => {
    const text = 'a😀';
    for (const bytes of [1, 2, 3, 4])
      expect(cutLine(Buffer.from(text).subarray(0, bytes), TIME, 64).toString('utf8')).toBe(
        message('"a [the0] cut: longer than 64 KB"'),
      );
    expect(cutLine(Buffer.from(text), TIME, 64).toString('utf8')).toBe(
      message('"a😀 [the0] cut: longer than 64 KB"'),
    );
    expect(JSON.parse(cutLine(Buffer.of(0x80, 0x80, 0x80, 0x80), TIME, 64).toString('utf8'))).toBeDefined();
  });
});

it('days and marks are by the engine’s time', () => {
  expect(dayOf(TIME)).toBe('20261124');
  expect(markLine('hm', TIME, { n: 1 }).toString('utf8')).toBe(
    `{"level":"warn","message":"[the0] hm",${STAMP},"n":1}`,
  );
});
