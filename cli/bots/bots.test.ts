import { describe, expect, it } from 'vitest';
import { PHASES } from '../../model/status.ts';
import { relative, span } from './relative-time.ts';
import { botDetails, botsTable, printable } from './table.ts';
import { botView, byTrouble, type BotView, type StatusFacts } from './view.ts';

const now = new Date('2026-11-23T12:00:00Z');
const look = { nowMs: now.getTime(), columns: undefined, colour: false };

const status = (over: Partial<StatusFacts> = {}): StatusFacts => ({
  _id: 'b',
  phase: 'running',
  reason: 'Runs',
  since: new Date(now.getTime() - 65_000),
  updatedAt: now,
  restarts: 0,
  consecutiveFailures: 0,
  ...over,
});

describe('botView', () => {
  it('calls an enabled bot without a status pending, a disabled one stopped', () => {
    expect(botView('a', { id: 'a' }, undefined)).toMatchObject({
      phase: 'pending',
      enabled: true,
      since: null,
      lastExit: null,
    });
    expect(botView('a', { id: 'a', config: { enabled: false } }, undefined)).toMatchObject({
      phase: 'stopped',
      enabled: false,
    });
  });

  it('has every field that the JSON promises, and no other', () => {
    expect(Object.keys(botView('a', { id: 'a', config: { apiKey: 'secret' } }, status()))).toEqual([
      'id',
      'phase',
      'reason',
      'since',
      'restarts',
      'lastExit',
      'nextAttempt',
      'image',
      'container',
      'enabled',
      'name',
      'runtime',
      'version',
    ]);
  });

  it('takes names from the instance, else from the definition', () => {
    const custom = { version: '1.2.0', config: { name: 'sma', runtime: 'python3.11' } };
    expect(botView('a', { id: 'a', config: { name: 'mine' }, custom }, undefined)).toMatchObject({
      name: 'mine',
      runtime: 'python3.11',
      version: '1.2.0',
    });
    expect(botView('a', { id: 'a', custom }, undefined).name).toBe('sma');
  });

  it('shows a deleted bot whose container is still there as not enabled', () => {
    expect(botView('a', undefined, status({ phase: 'stopping' }))).toMatchObject({
      phase: 'stopping',
      enabled: false,
      name: null,
    });
  });
});

it('puts trouble first, whatever the phase', () => {
  const views = PHASES.map((phase) => botView(phase, { id: phase }, status({ _id: phase, phase })));
  const order = views.sort(byTrouble).map((view) => view.phase);
  expect(order.slice(0, 3)).toEqual(['failed', 'state-unavailable', 'backing-off']);
  expect(order.at(-1)).toBe('stopped');
  expect(new Set(order).size).toBe(PHASES.length);
});

it.each([
  [0, '0s'],
  [999, '1s'],
  [65_000, '1m 5s'],
  [3_600_000, '1h'],
  [90_061_000, '1d 1h'],
])('writes %d ms as %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

it('knows past and future', () => {
  expect(relative('2026-11-23T11:59:50Z', now.getTime())).toBe('10s ago');
  expect(relative('2026-11-23T12:00:20Z', now.getTime())).toBe('in 20s');
  expect(relative(null, now.getTime())).toBe('-');
});

describe('the table', () => {
  const views: BotView[] = [
    botView(
      'aaa',
      { id: 'aaa', config: { name: 'prices' } },
      status({
        phase: 'backing-off',
        restarts: 3,
        reason: 'Exited with 1',
        nextAttemptAt: new Date(now.getTime() + 20_000),
      }),
    ),
    botView('bbb', { id: 'bbb' }, status()),
  ];

  it('aligns its columns and counts the phases', () => {
    expect(botsTable(views, look)).toBe(
      [
        'ID   NAME    PHASE        SINCE  RESTARTS  REASON',
        'aaa  prices  backing-off  1m 5s  3         Exited with 1 (next try in 20s)',
        'bbb  -       running      1m 5s  0         Runs',
        '',
        '1 running, 1 backing-off',
      ].join('\n'),
    );
  });

  it('fits the terminal', () => {
    for (const line of botsTable(views, { ...look, columns: 60 }).split('\n'))
      expect(line.length).toBeLessThanOrEqual(60);
  });

  it('lets no bot write over the terminal', () => {
    expect(printable('\u001b[2Jgone\u202e')).toBe('·[2Jgone·');
    const view = botView('c', { id: 'c', config: { name: '\u001b]0;title\u0007' } }, status());
    expect(botsTable([view], look)).not.toContain('\u001b');
  });
});

it('tells how the last run ended, with its last words', () => {
  const exit = {
    at: now,
    exitCode: 137,
    signal: 'SIGKILL',
    oomKilled: true,
    upSeconds: 65,
    containerId: 'c',
    lastOutput: ['loading…', 'Killed'],
    requested: false,
  };
  const text = botDetails(botView('a', { id: 'a' }, status({ lastExit: exit })), look);
  expect(text).toContain('exit code 137, signal SIGKILL, out of memory, 0s ago, after 1m 5s');
  expect(text).toContain('  Killed');
});
