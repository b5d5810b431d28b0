import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogPosition } from '../../infra/mongo/collections.ts';
import { logTimeOfMs } from '../../infra/engine/log-time.ts';
import { advance, newestTime, rereadFrom, Told } from './position.ts';

type Entry = { stream: 'stdout' | 'stderr'; time: string; number: number };

/** Output in the order of writing: each stream's times never go back, and streams are stamped a little out of order. */
const output = fc
  .array(
    fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      stepMs: fc.constantFrom(0, 0, 1, 700, 5_000),
      lagMs: fc.integer({ min: 0, max: 1_500 }),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    const last = { stdout: 0, stderr: 0 };
    let now = 1_700_000_000_000;
    return steps.map(({ stream, stepMs, lagMs }, number): Entry => {
      now += stepMs;
      last[stream] = Math.max(last[stream], now - lagMs);
      return { stream, time: logTimeOfMs(last[stream]), number };
    });
  });

describe('going on after a position', () => {
  it('tells what follows once, all of it, wherever the stream broke', () => {
    fc.assert(
      fc.property(output, fc.nat(40), (entries, cut) => {
        const before = entries.slice(0, cut);
        const position = before.reduce<LogPosition>(advance, {});
        const since = rereadFrom(position) ?? '';
        const told = new Told(position);
        const after = entries.filter(({ time }) => time >= since).filter((entry) => told.isNew(entry));
        expect(after.map(({ number }) => number)).toEqual(entries.slice(cut).map(({ number }) => number));
      }),
      { numRuns: 2_000 },
    );
  });

  it('counts the parts of a long line, which share one time', () => {
    const part = { stream: 'stdout', time: logTimeOfMs(5_000) } as const;
    const position = advance(advance({}, part), part);
    expect(position).toEqual({ stdout: { time: part.time, count: 2 } });
    const told = new Told(position);
    expect([told.isNew(part), told.isNew(part), told.isNew(part)]).toEqual([false, false, true]);
  });

  it('begins at the beginning where nothing was told', () => {
    expect(rereadFrom({})).toBeUndefined();
    expect(newestTime({})).toBeUndefined();
    expect(new Told({}).isNew({ stream: 'stderr', time: logTimeOfMs(1) })).toBe(true);
  });

  it('reads again from a little before the last entry of either stream', () => {
    const position = {
      stdout: { time: logTimeOfMs(10_000, 7), count: 1 },
      stderr: { time: logTimeOfMs(90_000), count: 1 },
    };
    expect(newestTime(position)).toBe(logTimeOfMs(90_000));
    expect(rereadFrom(position)).toBe(logTimeOfMs(88_000));
  });
});
