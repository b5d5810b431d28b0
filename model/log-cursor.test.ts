import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CursorUnreadable,
  decodeCursor,
  EMPTY_CURSOR,
  encodeCursor,
  MAX_CURSOR_BYTES,
  type LogCursor,
} from './log-cursor.ts';

const time = fc
  .record({
    seconds: fc.integer({ min: 0, max: 4_000_000_000 }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  })
  .map(
    ({ seconds, nanos }) =>
      `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`,
  );
const hash = fc.stringMatching(/^[0-9a-f]{8}$/);
const mark = fc.option(
  fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    time,
    nth: fc.integer({ min: 1, max: 1e6 }),
    hash,
  }),
);
const cut = fc.record({ time, full: fc.boolean() });
const container = fc.record({
  after: fc.record({ stdout: mark, stderr: mark }),
  cut: fc.record({ stdout: cut, stderr: cut }, { requiredKeys: [] }),
});
const count = fc.nat();
const cursor: fc.Arbitrary<LogCursor> = fc.record(
  {
    containers: fc.dictionary(fc.stringMatching(/^[a-f][0-9a-f]{11}$/), container, {
      maxKeys: 5,
      noNullPrototype: true,
    }),
    rate: fc.record({ bytes: count, atMs: count }),
    left: fc.oneof(
      fc.constant({ lines: 0, bytes: 0 }),
      fc.record({ lines: fc.integer({ min: 1, max: 1e9 }), bytes: count }),
    ),
    full: fc.boolean(),
    next: fc.constant('20261125'),
  },
  { requiredKeys: ['containers', 'left', 'full'] },
);

describe('the cursor', () => {
  it('comes back from its text, which fits a header', () => {
    fc.assert(
      fc.property(cursor, (value) => {
        const text = encodeCursor(value);
        expect(text).toMatch(/^[!-~]+$/);
        expect(decodeCursor(text)).toEqual(value);
      }),
    );
  });

  it('has room for thirty containers at once', () => {
    const at = {
      stream: 'stdout' as const,
      time: '2026-11-24T03:04:05.678901234Z',
      nth: 1,
      hash: '01234567',
    };
    const containers = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        `abcdef${100_000 + index}`,
        { after: { stdout: at, stderr: at }, cut: {} },
      ]),
    );
    expect(encodeCursor({ ...EMPTY_CURSOR, containers }).length).toBeLessThan(MAX_CURSOR_BYTES - 150);
  });

  it.each([
    '',
    'x',
    '{}',
    '{"v":2}',
    '{"v":1}',
    '{"v":1,"c":[[]]}',
    '{"v":1,"c":[["a","o!"]]}',
    '{"v":1,"c":[],"r":[]}',
    'null',
  ])('%j is none', (text) => {
    expect(() => decodeCursor(text)).toThrow(CursorUnreadable);
  });
});
