import { describe, expect, it } from 'vitest';
import { botsByPhase, troubledBots } from './fleet.ts';

const NOW = Date.parse('2026-11-29T10:00:00Z');
const STABLE = { now: NOW, stableAfterMs: 600_000 };
const before = (ms: number): Date => new Date(NOW - ms);

it('counts bots by phase: new and deleted ones too, what is deleted and has stopped not', () => {
  const desired = [
    { botId: 'new', enabled: true },
    { botId: 'never', enabled: false },
    { botId: 'up', enabled: true },
    { botId: 'up too', enabled: true },
  ];
  const statuses = new Map([
    ['up', { phase: 'running' }],
    ['up too', { phase: 'running' }],
    ['leaving', { phase: 'stopping' }],
    ['gone', { phase: 'stopped' }],
  ] as const);
  expect(Object.fromEntries(botsByPhase(desired, statuses))).toEqual({
    pending: 1,
    stopped: 1,
    running: 2,
    stopping: 1,
  });
});

describe('troubled bots', () => {
  it.each([
    ['one that failed', { phase: 'failed' }, 'failed'],
    ['one whose state cannot be had', { phase: 'state-unavailable' }, 'state-unavailable'],
    ['one that waits after its third crash', { phase: 'backing-off', consecutiveFailures: 3 }, 'crash-loop'],
    [
      'one that is up again since a moment',
      { phase: 'running', consecutiveFailures: 3, lastExit: { at: before(599_000), requested: false } },
      'crash-loop',
    ],
    [
      'not one that has not crashed for long',
      { phase: 'running', consecutiveFailures: 9, lastExit: { at: before(600_000), requested: false } },
      undefined,
    ],
    [
      'not one that could not be started for a while, and runs',
      { phase: 'running', consecutiveFailures: 9 },
      undefined,
    ],
    ['not one that crashed twice', { phase: 'backing-off', consecutiveFailures: 2 }, undefined],
    ['not one that was stopped in its loop', { phase: 'stopped', consecutiveFailures: 9 }, undefined],
  ] as const)('%s', (_, status, trouble) => {
    expect(troubledBots(new Map([['b', status]]), STABLE)).toEqual(
      trouble === undefined ? [] : [{ botId: 'b', trouble }],
    );
  });
});
