import { describe, expect, it } from 'vitest';
import { stepRollout, type Rollout, type RolloutFacts } from './rollout.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const policy = { steadyMs: 3_000, patienceMs: 600_000 };
const ago = (ms: number): Date => new Date(NOW.getTime() - ms);

const rollout = (over: Partial<Rollout> = {}): Rollout => ({
  _id: 'r1',
  who: 'ann',
  why: 'new image',
  at: NOW,
  atOnce: 2,
  bots: ['a', 'b', 'c', 'd'],
  next: 0,
  current: [],
  restarted: 0,
  skipped: 0,
  failed: [],
  state: 'waiting',
  reason: '',
  open: true,
  revision: 0,
  updatedAt: NOW,
  ...over,
});
const facts = (over: Partial<RolloutFacts> = {}): RolloutFacts => ({
  wanted: true,
  phase: 'running',
  reason: 'It runs.',
  startedAt: ago(10_000),
  attemptedRestarts: 1,
  wish: 1,
  ...over,
});
const step = (of: Rollout, known: Record<string, RolloutFacts>) =>
  stepRollout(of, (id) => known[id] ?? facts({ attemptedRestarts: 0, wish: 0 }), NOW, policy);
const atWork = (...ids: string[]): Partial<Rollout> => ({
  current: ids.map((botId) => ({ botId, since: ago(20_000), ran: true })),
  next: ids.length,
});

describe('a roll-out', () => {
  it('begins with as many as it may have at once', () => {
    const { rollout: then, begin } = step(rollout(), {});
    expect(begin.map(({ botId }) => botId)).toEqual(['a', 'b']);
    expect(then).toMatchObject({ next: 2, state: 'running', open: true });
  });

  it('gives nobody a turn before one that is at it runs again', () => {
    const waiting = { a: facts({ attemptedRestarts: 0 }), b: facts({ phase: 'starting', startedAt: NOW }) };
    expect(step(rollout(atWork('a', 'b')), waiting).begin).toEqual([]);
    const { rollout: then, begin } = step(rollout(atWork('a', 'b')), { ...waiting, a: facts() });
    expect(begin.map(({ botId }) => botId)).toEqual(['c']);
    expect(then).toMatchObject({ restarted: 1, next: 3 });
  });

  it('does not take a bot that has only just come up for one that runs again', () => {
    const { rollout: then } = step(rollout(atWork('a')), { a: facts({ startedAt: ago(1_000) }) });
    expect(then).toMatchObject({ restarted: 0 });
    expect(then.current).toContainEqual(expect.objectContaining({ botId: 'a' }));
  });

  it.each(['failed', 'backing-off', 'state-unavailable'] as const)(
    'stops at the first that ran before and is %s now, and waits for those that are at it',
    (phase) => {
      const known = { a: facts({ phase, reason: 'no such module' }), b: facts({ attemptedRestarts: 0 }) };
      const { rollout: then, begin } = step(rollout(atWork('a', 'b')), known);
      expect(begin).toEqual([]);
      expect(then).toMatchObject({ state: 'running', open: true, failed: [{ botId: 'a', ran: true }] });
      const { rollout: over } = step(then, { ...known, b: facts() });
      expect(over).toMatchObject({ state: 'stopped', restarted: 1, next: 2, endedAt: NOW });
      expect(over.open).toBeUndefined();
      expect(over.reason).toContain('a ran before its restart and does not since');
      expect(over.reason).toContain('no such module');
    },
  );

  it('goes on past one that was in trouble before: that is not the roll-out’s doing', () => {
    const ill = rollout({ ...atWork('a'), current: [{ botId: 'a', since: ago(20_000), ran: false }] });
    const { rollout: then, begin } = step(ill, { a: facts({ phase: 'backing-off' }) });
    expect(begin.map(({ botId }) => botId)).toEqual(['b', 'c']);
    expect(then.failed).toMatchObject([{ botId: 'a', ran: false }]);
  });

  it('passes over what is disabled, held or deleted when its turn comes, or since', () => {
    const none = facts({ wanted: false });
    const { rollout: then, begin } = step(rollout(atWork('a')), { a: none, b: none, c: none });
    expect(begin.map(({ botId }) => botId)).toEqual(['d']);
    expect(then.skipped).toBe(3);
  });

  it('does not wait for ever where nobody restarts anything', () => {
    const late = rollout({ current: [{ botId: 'a', since: ago(601_000), ran: true }], next: 1 });
    const { rollout: then } = step(late, { a: facts({ attemptedRestarts: 0 }) });
    expect(then.reason).toContain('is a processor running?');
    expect(then.state).toBe('stopped');
  });

  it('ends when all have had their turn', () => {
    const { rollout: then } = step(rollout({ ...atWork('d'), next: 4, restarted: 3 }), { d: facts() });
    expect(then).toMatchObject({ state: 'done', restarted: 4, reason: '4 of 4 restarted.' });
  });

  it('ends when somebody wants no more of it', () => {
    const stop = { who: 'bob', why: 'enough', at: NOW };
    const { rollout: then, begin } = step(rollout({ ...atWork('a'), stop }), { a: facts() });
    expect(begin).toEqual([]);
    expect(then).toMatchObject({ state: 'stopped', restarted: 1 });
    expect(then.reason).toContain('Stopped by bob: enough');
  });
});
