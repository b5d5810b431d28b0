import { describe, expect, it } from 'vitest';
import { PHASES } from '../../../model/status.ts';
import { botView, byTrouble, type StatusFacts } from './view.ts';

const now = new Date('2026-11-23T12:00:00Z');

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
    expect(botView({ id: 'a', bot: { id: 'a' } })).toMatchObject({
      phase: 'pending',
      enabled: true,
      since: null,
      lastExit: null,
    });
    expect(botView({ id: 'a', bot: { id: 'a', config: { enabled: false } } })).toMatchObject({
      phase: 'stopped',
      enabled: false,
    });
  });

  it('has every field that the JSON promises, and no other', () => {
    const bot = { id: 'a', config: { apiKey: 'secret' } };
    expect(Object.keys(botView({ id: 'a', bot, status: status() }))).toEqual([
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
      'type',
      'hold',
      'restart',
      'failureCode',
      'startedAt',
      'consecutiveFailures',
      'updatedAt',
      'traceId',
    ]);
  });

  it('takes names from the instance, else from the definition, and nothing that is no text', () => {
    const custom = { version: '1.2.0', config: { name: 'sma', runtime: 'python3.11' } };
    expect(botView({ id: 'a', bot: { id: 'a', config: { name: 'mine' }, custom } })).toMatchObject({
      name: 'mine',
      runtime: 'python3.11',
      version: '1.2.0',
    });
    expect(botView({ id: 'a', bot: { id: 'a', custom } }).name).toBe('sma');
    expect(botView({ id: 'a', bot: { id: 'a', config: { name: { $gt: 1 }, type: 7 } } })).toMatchObject({
      name: null,
      type: null,
    });
  });

  it('shows a deleted bot whose container is still there as not enabled', () => {
    expect(botView({ id: 'a', status: status({ phase: 'stopping' }) })).toMatchObject({
      phase: 'stopping',
      enabled: false,
      name: null,
    });
  });

  it('tells the wishes of operators, with who and why', () => {
    const wish = { _id: 'a', who: 'ann', why: 'incident 7', at: now };
    expect(botView({ id: 'a', bot: { id: 'a' }, hold: wish, restart: { ...wish, count: 3 } })).toMatchObject({
      hold: { who: 'ann', why: 'incident 7', at: '2026-11-23T12:00:00.000Z' },
      restart: { who: 'ann', why: 'incident 7' },
    });
  });
});

it('puts trouble first, whatever the phase', () => {
  const views = PHASES.map((phase) =>
    botView({ id: phase, bot: { id: phase }, status: status({ _id: phase, phase }) }),
  );
  const order = views.sort(byTrouble).map((view) => view.phase);
  expect(order.slice(0, 3)).toEqual(['failed', 'state-unavailable', 'backing-off']);
  expect(order.at(-1)).toBe('stopped');
  expect(new Set(order).size).toBe(PHASES.length);
});
