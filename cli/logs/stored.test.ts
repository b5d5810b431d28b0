import { expect, it } from 'vitest';
import { readStored } from './stored.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const at = (ms: number, message: string): string =>
  `${JSON.stringify({ timestamp: new Date(ms).toISOString(), message })}\n`;

/** A log of one day. */
function storage(content: string) {
  const bytes = Buffer.from(content);
  return {
    list: () =>
      Promise.resolve([
        { key: 'logs/bot/20261124.log', bytes: bytes.length, etag: '', lastModified: new Date(0) },
      ]),
    stat: () => Promise.resolve({ bytes: bytes.length, etag: '', lastModified: new Date(0), metadata: {} }),
    piece: (_bucket: string, _key: string, { from, bytes: length }: { from: number; bytes: number }) =>
      Promise.resolve(bytes.subarray(from, from + length)),
  };
}

const since = (content: string): Promise<string[]> =>
  readStored(storage(content), 'logs', 'bot', {
    day: '20261124',
    days: 1,
    lines: 100_000,
    sinceMs: NOON,
    signal: new AbortController().signal,
  });

it('goes on behind lines to which the bot gave an old time', async () => {
  const content = [at(NOON - 1, 'before'), at(NOON, 'one'), at(0, 'a candle of 1970'), at(NOON + 1, 'two')];
  const shown = await since(content.join(''));
  expect(shown.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['one', 'two']);
});

it('does not read all of a day for its last minutes', async () => {
  const old = at(NOON - 60_000, 'x'.repeat(1_000)).repeat(10_000);
  let read = 0;
  const whole = storage(old + at(NOON, 'one'));
  const counting: typeof whole = {
    ...whole,
    piece: (bucket, key, range) => {
      read += range.bytes;
      return whole.piece(bucket, key, range);
    },
  };
  const shown = await readStored(counting, 'logs', 'bot', {
    day: '20261124',
    days: 1,
    lines: 100_000,
    sinceMs: NOON,
    signal: new AbortController().signal,
  });
  expect(shown).toHaveLength(1);
  expect(read).toBeLessThan(old.length / 2);
});
