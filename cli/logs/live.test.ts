import { expect, it } from 'vitest';
import { linesOf, unseen } from './live.ts';

async function* stream<T>(...items: T[]): AsyncGenerator<T> {
  yield* items;
}
const collect = (lines: AsyncIterable<string>): Promise<string[]> =>
  (async () => {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    return all;
  })();
const bytes = (text: string): Uint8Array => Buffer.from(text);

it('cuts chunks into lines, wherever they end, also within a character', async () => {
  const euro = Buffer.from('€');
  const chunks = stream<Uint8Array>(
    bytes('one\ntw'),
    bytes('o\n\n  \n'),
    Buffer.concat([bytes('a'), euro.subarray(0, 1)]),
    Buffer.concat([euro.subarray(1), bytes('b\nrest')]),
  );
  expect(await collect(linesOf(chunks))).toEqual(['one', 'two', 'a€b']);
});

it('shows a line without end once it is long', async () => {
  const [line] = await collect(linesOf(stream(bytes('x'.repeat(300 * 1024)))));
  expect(line).toHaveLength(300 * 1024);
});

it('leaves out what the log has shown already, as often as it has', async () => {
  const shown = [
    '{"timestamp":"2026-11-24T03:04:05Z","message":"a"}',
    '{"timestamp":"2026-11-24T03:04:06Z","message":"a"}',
    '{"n":1,"timestamp":"2026-11-24T03:04:06Z"}',
  ];
  expect(await collect(unseen(stream('a', '{"n":1}', 'a', 'a', 'b', '{"n":1}'), shown))).toEqual([
    'a',
    'b',
    '{"n":1}',
  ]);
});

it('shows a bot that always prints the same', async () => {
  let nowMs = 0;
  const ticks = async function* (): AsyncGenerator<string> {
    yield 'tick';
    nowMs = 5_000;
    yield 'tick';
    nowMs = 10_000;
    yield 'tick';
  };
  const shown = Array.from({ length: 100 }, () => '{"timestamp":"2026-11-24T03:04:05Z","message":"tick"}');
  expect(await collect(unseen(ticks(), shown, () => nowMs))).toEqual(['tick', 'tick']);
});
