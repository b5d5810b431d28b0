import { describe, expect, it } from 'vitest';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ClaimedStatus } from './claims.ts';
import { dueOf, ledgerOf, tickIds, type DueSchedule, type ExistingRun } from './ledger.ts';

const HOUR_MS = 3_600_000;
const TEN = Date.parse('2026-11-24T10:00:00Z');
const OPERATOR: ScheduleOperator = {
  zone: 'UTC',
  minIntervalMs: 1_000,
  misfireWindowMs: 24 * HOUR_MS,
  fireAllCeiling: 100,
  overlapCeiling: 10,
  timeoutMs: HOUR_MS,
  timeoutCeilingMs: HOUR_MS,
  retriesCeiling: 10,
};
const HOURLY = 'CRON_TZ=UTC 0 * * * *';

function statusOf(overrides: Partial<ClaimedStatus> = {}): ClaimedStatus {
  return {
    _id: 's',
    line: [],
    timing: HOURLY,
    handledThrough: new Date(TEN - HOUR_MS),
    nextAt: new Date(TEN),
    unfinished: false,
    ...overrides,
  };
}

function due(
  config: Record<string, unknown> = {},
  status: Partial<ClaimedStatus> = {},
  { nowMs = TEN, limit = 1_000 } = {},
): DueSchedule {
  const document = { id: 's', config: { schedule: '0 * * * *', ...config } };
  return dueOf(statusOf(status), { document, hold: undefined }, { nowMs, limit, operator: OPERATOR });
}

const LEDGER = { nowMs: TEN + 5, misfireAfterMs: 15_000 };
const times = (...ms: number[]) => ms.map((at) => new Date(at).toISOString());

describe('what is due', () => {
  it('is every nominal time after the last one handled, up to now', () => {
    const { nominals, more } = due({}, { handledThrough: new Date(TEN - 3 * HOUR_MS) });
    expect(times(...nominals)).toEqual(times(TEN - 2 * HOUR_MS, TEN - HOUR_MS, TEN));
    expect(more).toBe(false);
  });

  it('comes in pieces where it is much', () => {
    const status = { handledThrough: new Date(TEN - 100 * HOUR_MS) };
    const { nominals, more } = due({}, status, { limit: 2 });
    expect(times(...nominals)).toEqual(times(TEN - 99 * HOUR_MS, TEN - 98 * HOUR_MS));
    expect(more).toBe(true);
  });

  it('goes by the timing that was announced, where the document has another one by now', () => {
    const { nominals, timing } = due({ schedule: '30 * * * *' });
    expect(times(...nominals)).toEqual(times(TEN));
    expect(timing.text).toBe(HOURLY);
  });

  it('begins with the next time where nothing says what was handled', () => {
    const { handledThrough: _, ...status } = statusOf();
    const document = { id: 's', config: { schedule: '0 * * * *' } };
    const seen = { document, hold: undefined };
    const result = dueOf(status, seen, { nowMs: TEN, limit: 9, operator: OPERATOR });
    expect(result).toMatchObject({ nominals: [TEN] });
  });

  const unreadable = 'CRON_TZ=Mars/Olympus 0 * * * *';

  it('is the one time that was announced, where its timing cannot be read and the document asks for something else', () => {
    const status = statusOf({ timing: unreadable, handledThrough: new Date(TEN - 3 * HOUR_MS) });
    const options = { nowMs: TEN, limit: 9, operator: OPERATOR };
    const other = { id: 's', config: { schedule: '30 * * * *' } };
    for (const document of [other, undefined]) {
      const due = dueOf(status, { document, hold: undefined }, options);
      expect(due.nominals).toEqual([status.nextAt.getTime()]);
      expect(due.rule).toMatchObject({ stopped: expect.stringMatching(/cannot be told .*Mars/) as string });
      expect(ledgerOf(due, new Map(), { nowMs: TEN, misfireAfterMs: 1_000 }).nextAt).toBeUndefined();
    }
  });

  it('is not told, and nothing is given up, where the document says the same as nobody can read', () => {
    const status = statusOf({ timing: unreadable });
    const document = { id: 's', config: { schedule: '0 * * * *', timezone: 'Mars/Olympus' } };
    const seen = { document, hold: undefined };
    expect(() => dueOf(status, seen, { nowMs: TEN, limit: 9, operator: OPERATOR })).toThrow(/Mars/);
  });

  const well = { id: 's', config: { schedule: '0 * * * *' } };
  it.each([
    ['disabled', { ...well, enabled: false }, undefined, /^its schedule was disabled before this tick/],
    [
      'held',
      well,
      { who: 'ann', why: 'audit' },
      /^its schedule was paused by ann \(audit\) before this tick/,
    ],
    ['held without a reason', well, { who: 'ann', why: '' }, /^its schedule was paused by ann before this/],
    [
      'invalid',
      { id: 's', config: { schedule: '0 * * * *', retries: -1, misfire: 'never' } },
      undefined,
      /^its schedule became invalid before this tick was handled: .*config\.misfire.*; .*config\.retries/,
    ],
    [
      'without a time that ever comes',
      { id: 's', config: { schedule: '0 0 30 2 *' } },
      undefined,
      /became invalid/,
    ],
    ['deleted', undefined, undefined, /^its schedule was deleted before this tick was handled$/],
  ])('is what was announced, though the schedule is %s by now', (_title, document, hold, stopped) => {
    const status = statusOf({ handledThrough: new Date(TEN - 3 * HOUR_MS) });
    const result = dueOf(status, { document, hold }, { nowMs: TEN, limit: 9, operator: OPERATOR });
    expect(result).toMatchObject({
      nominals: [TEN - 2 * HOUR_MS, TEN - HOUR_MS, TEN],
      rule: { stopped: expect.stringMatching(stopped) as string },
    });
  });
});

describe('the ledger of a schedule that was disabled', () => {
  const from = { handledThrough: new Date(TEN - 3 * HOUR_MS), line: ['s@before'] };

  it('skips whatever is due, says why, and comes to an end', () => {
    const { ticks, lined, handledThrough, nextAt } = ledgerOf(
      due({ enabled: false, overlap: 'replace', misfire: 'fire-all' }, from),
      new Map(),
      LEDGER,
    );
    expect(ticks.map(({ runs, missed, record }) => [runs, missed, record?.state])).toEqual(
      Array.from({ length: 3 }, () => [false, false, 'skipped']),
    );
    expect(ticks[0]?.record).toMatchObject({
      reason: 'Skipped: its schedule was disabled before this tick was handled',
    });
    expect({ lined, handledThrough, nextAt }).toEqual({
      lined: [],
      handledThrough: new Date(TEN),
      nextAt: undefined,
    });
  });

  it('goes on while more is due', () => {
    const ledger = ledgerOf(due({ enabled: false }, from, { limit: 2 }), new Map(), LEDGER);
    expect(ledger).toMatchObject({
      handledThrough: new Date(TEN - HOUR_MS),
      nextAt: new Date(TEN),
    });
  });

  it('has in line what an earlier handler recorded before, and asks nobody to make room for it', () => {
    const schedule = due({ enabled: false, overlap: 'replace' }, { line: ['s@before'] });
    const [tick = ''] = tickIds(schedule);
    const existing = new Map([[tick, { _id: tick, open: true as const, cause: 'tick', due: new Date(TEN) }]]);
    const { lined, cancels, ticks } = ledgerOf(schedule, existing, LEDGER);
    expect(lined).toEqual([{ runId: tick, cause: 'tick', dueMs: TEN, rank: 1 }]);
    expect(cancels).toEqual([]);
    expect(ticks).toMatchObject([{ runs: true }]);
  });
});

describe('the ledger', () => {
  it('moves a schedule on past what is in it', () => {
    const ledger = ledgerOf(due({}), new Map(), LEDGER);
    expect(ledger).toMatchObject({ handledThrough: new Date(TEN), nextAt: new Date(TEN + HOUR_MS) });
    expect(ledger.lined).toEqual([{ runId: 's@20261124T100000Z', cause: 'tick', dueMs: TEN, rank: 0 }]);
  });

  it('stays where it is when nothing is due after all, and finds the next time again', () => {
    const ledger = ledgerOf(due({}, { nextAt: new Date(0) }, { nowMs: TEN - 1 }), new Map(), LEDGER);
    expect(ledger).toMatchObject({
      ticks: [],
      lined: [],
      handledThrough: new Date(TEN - HOUR_MS),
      nextAt: new Date(TEN),
    });
  });

  it('gives each new run its rank in the line', () => {
    const schedule = due(
      { overlap: { policy: 'allow', max: 10 }, misfire: 'fire-all' },
      { handledThrough: new Date(TEN - 3 * HOUR_MS), line: ['s@now-a', 's@now-b'] },
    );
    const { lined } = ledgerOf(schedule, new Map(), LEDGER);
    expect(lined.map(({ cause, rank }) => [cause, rank])).toEqual([
      ['caught up', 2],
      ['caught up', 3],
      ['tick', 4],
    ]);
  });

  it('makes no second record of what has one, and goes by what that says', () => {
    const schedule = due(
      { overlap: 'replace', misfire: 'fire-all' },
      { handledThrough: new Date(TEN - 3 * HOUR_MS), line: ['s@now-a'] },
    );
    const [skipped = '', caughtUp = '', tick = ''] = tickIds(schedule);
    const existing = new Map<string, ExistingRun>([
      [skipped, { _id: skipped, cause: 'tick', due: new Date(TEN - 2 * HOUR_MS) }],
      [caughtUp, { _id: caughtUp, open: true, cause: 'caught up', due: new Date(TEN - HOUR_MS) }],
    ]);
    const { ticks, lined, cancels } = ledgerOf(schedule, existing, LEDGER);
    expect(ticks.map(({ runs, record }) => [runs, record?._id])).toEqual([
      [false, undefined],
      [true, undefined],
      [true, tick],
    ]);
    expect(lined.map(({ runId, rank }) => [runId, rank])).toEqual([
      [caughtUp, 1],
      [tick, 2],
    ]);
    expect(cancels).toEqual([
      { runIds: ['s@now-a', caughtUp], why: `${tick} replaces it (overlap replace)` },
    ]);
  });

  it('asks again for the end of what an earlier handler’s tick replaces, though that tick would now count as missed', () => {
    const schedule = due({ overlap: 'replace', misfire: 'skip' }, { line: ['s@now-a'] });
    const [tick = ''] = tickIds(schedule);
    const existing = new Map([[tick, { _id: tick, open: true as const, cause: 'tick', due: new Date(TEN) }]]);
    const { cancels, ticks } = ledgerOf(schedule, existing, { ...LEDGER, nowMs: TEN + 60_000 });
    expect(cancels).toMatchObject([{ runIds: ['s@now-a'] }]);
    expect(ticks).toMatchObject([{ runs: true, missed: true }]);
  });

  it('counts a run that an earlier handler recorded as one that others find before them', () => {
    const schedule = due(
      { overlap: 'forbid' },
      { handledThrough: new Date(TEN - 2 * HOUR_MS) },
      { nowMs: TEN },
    );
    const [first = ''] = tickIds(schedule);
    const existing = new Map([
      [first, { _id: first, open: true as const, cause: 'tick', due: new Date(TEN - HOUR_MS) }],
    ]);
    const { ticks } = ledgerOf(schedule, existing, LEDGER);
    expect(ticks.map(({ runs }) => runs)).toEqual([true, false]);
    expect(ticks[1]?.reason).toBe('Skipped: the run of 09:00 UTC is not over (overlap forbid)');
  });
});
