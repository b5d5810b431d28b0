import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSplitter } from './demux.ts';
import { toEntry } from './logs.ts';

function frame(kind: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

describe('FrameSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 50 })), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(40), { minLength: 1, maxLength: 30 }), (parts, cuts) => {
        const bytes = Buffer.concat(parts.map(([kind, data]) => frame(kind, Buffer.from(data))));
        const splitter = new FrameSplitter();
        const lines = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + 1 + (cuts[turn % cuts.length] ?? 0);
          lines.push(...splitter.push(bytes.subarray(at, end)));
          at = end;
        }
        expect(lines.map(({ stream, data }) => [stream, [...data]])).toEqual(
          parts.map(([kind, data]) => [kind === 2 ? 'stderr' : 'stdout', [...data]]),
        );
        expect(splitter.pending).toBe(0);
      }),
    );
  });

  it('refuses bytes that are no frames, as the output of a terminal would be', () => {
    expect(() => new FrameSplitter().push(Buffer.from('plain text without header'))).toThrow(/Not a frame/);
  });

  it('tells what the engine says of its own, which is no output', () => {
    const bytes = Buffer.concat([
      frame(1, Buffer.from('fine\n')),
      frame(3, Buffer.from('file is damaged\n')),
    ]);
    expect(() => new FrameSplitter().push(bytes)).toThrow(
      'The engine cannot go on with the output: file is damaged',
    );
  });

  it('stays linear for a frame that comes in tiny pieces', () => {
    const bytes = frame(1, Buffer.alloc(2_000_000, 'x'));
    const splitter = new FrameSplitter();
    let got = 0;
    const begin = performance.now();
    for (let at = 0; at < bytes.length; at += 100)
      for (const { data } of splitter.push(bytes.subarray(at, at + 100))) got += data.length;
    expect(got).toBe(2_000_000);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

describe('toEntry', () => {
  const entry = (text: string) => toEntry({ stream: 'stderr', data: Buffer.from(text) });

  it('takes the engine’s time off, and leaves the bot’s bytes alone', () => {
    const { stream, time, data } = entry('2026-11-24T04:06:42.533975659Z 2026-11-24T00:00:00Z  mine \n');
    expect([stream, time]).toEqual(['stderr', '2026-11-24T04:06:42.533975659Z']);
    expect(data.toString()).toBe('2026-11-24T00:00:00Z  mine \n');
    expect(entry('2026-11-24T04:06:42Z \n')).toMatchObject({
      time: '2026-11-24T04:06:42.000000000Z',
      data: Buffer.from('\n'),
    });
  });

  it.each(['no time here\n', '', 'x'.repeat(100), '2026-11-24T04:06:42Z'])(
    'refuses %j, which has none',
    (text) => {
      expect(() => entry(text)).toThrow(/Not an entry with its time/);
    },
  );
});
