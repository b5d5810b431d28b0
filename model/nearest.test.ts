import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const OVERLAP = ['forbid', 'queue-one', 'replace', 'allow'];
const MISFIRE = ['skip', 'fire-once', 'fire-all'];

describe('nearest', () => {
  it.each([
    ['forbidd', OVERLAP, 'forbid'],
    ['Forbid', OVERLAP, 'forbid'],
    ['queue_one', OVERLAP, 'queue-one'],
    ['queueone', OVERLAP, 'queue-one'],
    ['alow', OVERLAP, 'allow'],
    ['FIRE ALL', MISFIRE, 'fire-all'],
    ['fireOnce', MISFIRE, 'fire-once'],
    ['skp', MISFIRE, 'skip'],
    ['dealy', ['count', 'delay'], 'delay'],
    ['UTCC', ['UTC'], 'UTC'],
  ])('takes %j for what was meant', (typed, words, meant) => {
    expect(nearest(typed, words)).toBe(meant);
  });

  it.each(['', 'x', 'none', 'concurrent', 'a'.repeat(100_000)])('makes nothing of %.20j', (typed) => {
    expect(nearest(typed, OVERLAP)).toBeUndefined();
    expect(nearest(typed, MISFIRE)).toBeUndefined();
  });
});
