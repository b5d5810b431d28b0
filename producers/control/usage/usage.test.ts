import { describe, expect, it } from 'vitest';
import type { UsageSample } from '../../../infra/mongo/usage-documents.ts';
import { planOf } from './read.ts';
import { rank } from './top.ts';

const now = new Date('2026-11-29T10:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);
const plan = (query: { from?: Date; to?: Date; stepMs?: number }, everyMs = 15_000) =>
  planOf({ id: 'a', ...query }, { now, everyMs });

describe('what is asked for', () => {
  it('is the last hour, as it was measured, if nothing else is said', () => {
    expect(plan({})).toEqual({ from: hoursAgo(1), to: now, stepMs: 15_000, isWhole: true });
  });

  it('is answered by means where it reaches back further than a day, whatever step is asked for', () => {
    expect(plan({ from: hoursAgo(24) }).isWhole).toBe(true);
    expect(plan({ from: hoursAgo(30), stepMs: 60_000 })).toMatchObject({ isWhole: false, stepMs: 300_000 });
    expect(plan({ from: hoursAgo(24 * 7) }).stepMs).toBe(3_600_000);
  });

  it('has no step shorter than what was measured, unless it is asked for', () => {
    expect(plan({ from: hoursAgo(0.01) }, 30_000).stepMs).toBe(30_000);
    expect(plan({ from: hoursAgo(0.01), stepMs: 10 }, 30_000).stepMs).toBe(1_000);
  });

  it('is refused where it is empty, or too much', () => {
    expect(() => plan({ from: now, to: hoursAgo(1) })).toThrow(
      /The span from 2026-11-29T10:00:00.000Z to 2026-11-29T09:00:00.000Z is empty: let it begin before it ends/,
    );
    expect(() => plan({ from: hoursAgo(20), stepMs: 15_000 })).toThrow(
      /A step of 15 s divides the span into 4800: ask for 2000 at most/,
    );
  });
});

describe('the first', () => {
  const sample = (id: string, rest: Partial<UsageSample>): UsageSample => ({
    id,
    kind: 'bot',
    cpu: 0,
    memory: 0,
    pids: 1,
    containers: 1,
    ...rest,
  });
  const samples = [
    sample('calm', { cpu: 0.1, memory: 300, memoryLimit: 3000 }),
    sample('full', { cpu: 0.2, memory: 90, memoryLimit: 100 }),
    sample('busy', { cpu: 0.9, memory: 200 }),
    sample('twin', { cpu: 0.9, memory: 10, kind: 'schedule' }),
    sample('', { cpu: 2, memory: 600, kind: 'all' }),
  ];
  const ids = (query: Partial<Parameters<typeof rank>[1]>) =>
    rank(samples, { order: 'cpu', limit: 10, ...query }).ordered.map(({ id }) => id);

  it('are those that use most, by id among equals', () => {
    expect(ids({})).toEqual(['busy', 'twin', 'full', 'calm']);
    expect(ids({ order: 'memory' })).toEqual(['calm', 'busy', 'full', 'twin']);
  });

  it('are those closest to their limit; what has none is last', () => {
    expect(ids({ order: 'memory-share' })).toEqual(['full', 'calm', 'busy', 'twin']);
  });

  it('are of one kind, and so many as are asked for, of how many there are', () => {
    expect(ids({ kind: 'schedule' })).toEqual(['twin']);
    expect(rank(samples, { order: 'cpu', kind: 'bot', limit: 1 })).toMatchObject({
      ordered: [{ id: 'busy' }],
      count: 3,
    });
  });
});
