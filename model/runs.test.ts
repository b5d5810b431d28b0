import { describe, expect, it } from 'vitest';
import { beforeWhat, isWaiting, mayGo, RUN_STATES, waitsUntilMs, whoGoesNext, type Run } from './runs.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const at = (ms: number): Date => new Date(NOW + ms);
type Seen = Pick<Run, '_id' | 'state' | 'due' | 'nextAttemptAt' | 'cancel' | 'cause'>;
const run = (_id: string, state: Run['state'], more: Partial<Run> = {}): Seen => ({
  _id,
  state,
  due: at(0),
  cause: 'tick',
  ...more,
});

describe('waitsUntilMs', () => {
  const times = { due: at(1_000), nextAttemptAt: at(7_000) };

  it.each([
    ['queued', NOW + 1_000],
    ['preparing', NOW + 7_000],
    ['retrying', NOW + 7_000],
    ['running', 0],
    ['failed', 0],
  ] as const)('a run that is %s has something to do from %d on', (state, ms) => {
    expect(waitsUntilMs({ state, ...times })).toBe(ms);
  });

  it('one that is being started waits for nothing, until circumstances keep it from that', () => {
    expect(waitsUntilMs({ state: 'preparing', due: at(9_000) })).toBe(0);
  });

  it('one that is to be cancelled waits for nothing', () => {
    for (const state of RUN_STATES) expect(waitsUntilMs({ state, ...times, cancel: { at: NOW } })).toBe(0);
  });
});

it('waiting are those that nobody is at', () => {
  expect(RUN_STATES.filter((state) => isWaiting({ state }))).toEqual(['queued', 'retrying']);
});

it('says what a run that waits was to do next', () => {
  expect(beforeWhat({ state: 'queued', attempt: 3 })).toBe('before it started');
  expect(beforeWhat({ state: 'retrying', attempt: 1 })).toBe('before attempt 2');
});

describe('whoGoesNext', () => {
  const line = ['a', 'b', 'c', 'd'];
  const next = (atOnce: number, seen: Seen[]) => whoGoesNext('x is over', { line, atOnce, nowMs: NOW }, seen);

  it('calls those at the front of the line that wait, with their places, and nobody else', () => {
    const seen = [run('c', 'retrying'), run('a', 'running'), run('b', 'queued'), run('d', 'queued')];
    expect(next(3, seen)).toEqual([
      { runId: 'c', cause: 'tick; x is over', rank: 2, delayMs: 0 },
      { runId: 'b', cause: 'tick; x is over', rank: 1, delayMs: 0 },
    ]);
    expect(mayGo(line, 3)).toEqual(['a', 'b', 'c']);
  });

  it('calls nobody where all that may go are at work, over or not on record', () => {
    expect(next(3, [run('a', 'preparing'), run('b', 'failed')])).toEqual([]);
    expect(next(0, [run('a', 'queued')])).toEqual([]);
  });

  it('has them wait for what they have to wait for themselves', () => {
    const seen = [
      run('a', 'queued', { due: at(2_000) }),
      run('b', 'retrying', { nextAttemptAt: at(5_000) }),
      run('c', 'retrying', { nextAttemptAt: at(-5_000) }),
    ];
    expect(next(3, seen).map(({ delayMs }) => delayMs)).toEqual([2_000, 5_000, 0]);
  });
});
