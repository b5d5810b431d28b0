import { describe, expect, it } from 'vitest';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { loadSettings } from '../../infra/config/load.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { behindItsPlace, decideStart, type Decision } from './decide.ts';
import type { ScheduleNow } from './schedules.ts';

const OPERATOR = scheduleOperator(loadSettings({}));
const NOW = Date.UTC(2026, 10, 24, 10);
const HOLD = { _id: 's', who: 'ann', why: 'incident', at: new Date(0) };

const run = (over: Partial<Run> = {}): Run => ({
  _id: 's@1',
  scheduleId: 's',
  kind: 'tick',
  nominal: new Date(NOW),
  due: new Date(NOW),
  state: 'queued',
  reason: '',
  cause: 'tick',
  createdAt: new Date(NOW),
  updatedAt: new Date(NOW),
  attempt: 0,
  attempts: [],
  ...over,
});

const document = (config: Record<string, unknown> = {}, id = 's'): ScheduleDocument => ({
  id,
  config: { schedule: '0 * * * *', timeout: '1h', retries: { count: 2, delay: '5s' }, ...config },
});

const schedule = (over: Partial<ScheduleNow> = {}): ScheduleNow => ({
  document: document(),
  hold: undefined,
  line: ['s@1'],
  ...over,
});

const decide = (what: Partial<Run> = {}, around: Partial<ScheduleNow> = {}): Decision =>
  decideStart(run(what), schedule(around), OPERATOR, NOW);

const manual = {
  kind: 'manual',
  cause: 'run now by bob: why',
  request: { id: 'r', who: 'bob', why: 'why' },
} as const;
const cancel = { who: 'ann', why: 'enough', at: new Date(0) };

describe('decideStart', () => {
  it('lets a run go with the limits of its schedule', () => {
    expect(decide()).toMatchObject({
      kind: 'go',
      limits: { timeoutMs: 3_600_000, retries: 2, retryDelayMs: 5_000, firstAttempt: 1 },
    });
  });

  it.each([
    ['before it is due', { due: new Date(NOW + 700) }],
    ['between two attempts', { state: 'retrying', nextAttemptAt: new Date(NOW + 700) }],
    ['while it waits after a circumstance', { state: 'preparing', nextAttemptAt: new Date(NOW + 700) }],
  ] as const)('waits %s', (_when, what) => {
    expect(decide(what)).toEqual({ kind: 'later', afterMs: 700 });
  });

  it('does not wait to be cancelled, nor for a due time once it has begun', () => {
    const soon = new Date(NOW + 700);
    expect(decide({ due: soon, cancel })).toMatchObject({ kind: 'over', state: 'cancelled' });
    expect(decide({ state: 'retrying', attempt: 1, due: soon })).toMatchObject({ kind: 'go' });
  });

  it.each([
    [{ hold: HOLD }, 'Its schedule was paused by ann (incident) before it started.'],
    [{ document: document({ enabled: false }) }, 'Its schedule was disabled before it started.'],
    [{ document: undefined }, 'Its schedule was deleted before it started.'],
  ])('cancels a tick whose schedule does not run any more: %#', (around, reason) => {
    expect(decide({}, around)).toEqual({ kind: 'over', state: 'cancelled', reason });
    expect(decide({ state: 'retrying', attempt: 2 }, around)).toMatchObject({
      reason: reason.replace('before it started', 'before attempt 3'),
    });
  });

  it.each([
    ['run now', manual],
    ['backfill', { cause: 'backfill by ann: late data' }],
  ] as const)(
    'lets a %s go although its schedule is disabled or paused, not if it is deleted',
    (_what, asked) => {
      expect(decide(asked, { hold: HOLD, document: document({ enabled: false }) })).toMatchObject({
        kind: 'go',
      });
      expect(decide(asked, { document: undefined })).toMatchObject({ kind: 'over', state: 'cancelled' });
    },
  );

  it('keeps the line: so many go as the schedule allows, in order', () => {
    const line = ['s@a', 's@b', 's@1'];
    expect(decide({}, { line })).toEqual({
      kind: 'in-line',
      reason: 'It waits in line: run s@a goes first.',
    });
    const two = document({ overlap: { policy: 'allow', max: 2 } });
    expect(decide({}, { line, document: two })).toMatchObject({ kind: 'in-line' });
    expect(decide({}, { line: line.slice(1), document: two })).toMatchObject({ kind: 'go' });
    expect(decide({}, { line: [] })).toMatchObject({ kind: 'in-line' });
  });

  it('lets a further attempt in anew', () => {
    const line = ['s@a', 's@1'];
    const retrying = { state: 'retrying', attempt: 1 } as const;
    expect(decide(retrying, { line })).toMatchObject({ kind: 'in-line' });
    const two = document({ overlap: { policy: 'allow', max: 2 } });
    expect(decide(retrying, { line, document: two })).toMatchObject({ kind: 'go', atOnce: 2 });
  });

  it('gives the last places to those that are at work behind them', () => {
    const line = ['s@0', 's@1', 's@b', 's@c'];
    const behind = (id: string, atWork: string[], atOnce = 2) =>
      behindItsPlace(run({ _id: id }), { line, atOnce, atWork });
    expect(behind('s@1', [])).toBeUndefined();
    expect(behind('s@1', ['s@c'])).toEqual({
      kind: 'in-line',
      reason: 'It waits in line: run s@c is still at work.',
    });
    expect(behind('s@0', ['s@c'])).toBeUndefined();
    expect(behind('s@0', ['s@b', 's@c'])).toMatchObject({ kind: 'in-line' });
  });

  it('never puts a run back into the line that was let in', () => {
    expect(decide({ state: 'preparing', attempt: 1 }, { line: ['s@a', 's@1'] })).toMatchObject({
      kind: 'go',
    });
  });

  it('fails a run of a schedule that cannot be read, with all that is wrong', () => {
    const broken = document({ timeout: -1, overlap: 'forbidden' });
    expect(decide({}, { document: broken })).toMatchObject({
      kind: 'over',
      state: 'failed',
      reason: expect.stringMatching(/^It cannot run: .*config\.overlap.*config\.timeout/) as string,
    });
    expect(decide({}, { document: document({}, 'a/../b') })).toMatchObject({ kind: 'over', state: 'failed' });
  });

  it('puts a request’s own parameters in place of the schedule’s, for the run and for its limits', () => {
    const request = { ...manual.request, configOverride: { symbol: 'ETH', timeout: '2h' } };
    expect(decide({ ...manual, request }, { document: document({ symbol: 'BTC', keep: 1 }) })).toMatchObject({
      kind: 'go',
      document: { config: { symbol: 'ETH', keep: 1 } },
      limits: { timeoutMs: 7_200_000 },
    });
  });

  const limitsOf = (decision: Decision) => (decision.kind === 'go' ? decision.limits : undefined);

  it('makes a further attempt with the config and code of the first, or none', () => {
    const limits = limitsOf(decide({}, { document: document({ symbol: 'BTC' }) }));
    expect(limits?.fingerprint).toMatch(/^[0-9a-f]{32}$/);
    const further = (what: Partial<Run>, config: Record<string, unknown>) =>
      decide({ ...what, ...(limits === undefined ? {} : { limits }) }, { document: document(config) });
    const retrying = { state: 'retrying', attempt: 1 } as const;
    expect(
      further(retrying, { symbol: 'BTC', overlap: 'replace', timeout: '2h', timezone: 'UTC' }),
    ).toMatchObject({ kind: 'go', limits });
    const over = {
      kind: 'over',
      state: 'failed',
      reason: 'Not tried again: its configuration or code changed after attempt 1.',
    };
    expect(further(retrying, { symbol: 'ETH' })).toEqual(over);
    expect(further({ state: 'preparing', attempt: 2 }, { symbol: 'ETH' })).toEqual(over);
    // What has not begun yet begins with what is there; what another opening of the record ran with does not count.
    for (const what of [
      { state: 'preparing', attempt: 1 },
      { state: 'queued', attempt: 1 },
    ] as const) {
      const fresh = limitsOf(further(what, { symbol: 'ETH' }));
      expect(fresh?.fingerprint).toMatch(/^[0-9a-f]{32}$/);
      expect(fresh?.fingerprint).not.toBe(limits?.fingerprint);
    }
  });

  it('keeps the limits of the first attempt, until the record is opened again', () => {
    const limits = { timeoutMs: 1, retries: 9, retryDelayMs: 3, firstAttempt: 1 };
    expect(decide({ state: 'retrying', attempt: 2, limits })).toMatchObject({ limits });
    expect(decide({ state: 'queued', attempt: 4, limits, cause: 'backfill by ann: x' })).toMatchObject({
      limits: { timeoutMs: 3_600_000, retries: 2, firstAttempt: 5 },
    });
  });
});
