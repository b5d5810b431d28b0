import { describe, expect, it } from 'vitest';
import { printable } from '../show/table.ts';
import { botDetails, botsTable } from './table.ts';
import { botView, type BotView, type StatusFacts } from '../../producers/control/bots/view.ts';

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

describe('the table', () => {
  const views: BotView[] = [
    botView({
      id: 'aaa',
      bot: { id: 'aaa', config: { name: 'prices' } },
      status: status({
        phase: 'backing-off',
        restarts: 3,
        reason: 'Exited with 1',
        nextAttemptAt: new Date(now.getTime() + 20_000),
      }),
    }),
    botView({ id: 'bbb', bot: { id: 'bbb' }, status: status() }),
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
    const view = botView({
      id: 'c',
      bot: { id: 'c', config: { name: '\u001b]0;title\u0007' } },
      status: status(),
    });
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
  const text = botDetails(botView({ id: 'a', bot: { id: 'a' }, status: status({ lastExit: exit }) }), look);
  expect(text).toContain('exit code 137, signal SIGKILL, out of memory, 0s ago, after 1m 5s');
  expect(text).toContain('  Killed');
});
