import { describe, expect, it } from 'vitest';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { loadSettings } from '../../infra/config/load.ts';
import { backfillTable } from './backfill-table.ts';
import { previewTable, scheduleDetails, schedulesTable } from './table.ts';
import { timingOfFlags } from './timing-of-flags.ts';
import {
  scheduleView,
  type ScheduleFacts,
  type StatusFacts,
} from '../../producers/control/schedule-list/view.ts';

const now = new Date('2026-11-24T12:00:00Z');
const look = { nowMs: now.getTime(), columns: undefined, colour: false };
const operator = scheduleOperator(loadSettings({}));

const status = (over: Partial<StatusFacts> = {}): StatusFacts => ({
  _id: 's',
  phase: 'active',
  reason: 'It ticks.',
  since: new Date(now.getTime() - 60_000),
  updatedAt: now,
  line: [],
  failuresInRow: 0,
  zone: 'Europe/Berlin',
  nextAt: new Date(now.getTime() + 20_000),
  ...over,
});
const document = {
  id: 's',
  config: { name: 'mine', schedule: '*/5 * * * *', timezone: 'Europe/Berlin', apiKey: 'canary' },
};
const view = (facts: Partial<ScheduleFacts> = {}) =>
  scheduleView({ id: 's', document, status: status(), ...facts }, operator);

describe('the table', () => {
  const lastRun = {
    runId: 's@1',
    state: 'failed' as const,
    endedAt: new Date(now.getTime() - 40_000),
    reason: 'Exited with 3',
  };

  it('says when next, what became of the last run, and what is wrong', () => {
    const views = [view(), view({ status: status({ lastRun, failuresInRow: 2 }) })];
    expect(schedulesTable(views, look)).toBe(
      [
        'ID  NAME  PHASE   SCHEDULE     ZONE           NEXT    LAST RUN        REASON',
        's   mine  active  */5 * * * *  Europe/Berlin  in 20s  -               It ticks.',
        's   mine  active  */5 * * * *  Europe/Berlin  in 20s  failed 40s ago  2 failed in a row: Exited with 3 · It ticks.',
        '',
        '2 active',
      ].join('\n'),
    );
  });

  it('tells of one schedule everything, its next time on its own clocks too', () => {
    const text = scheduleDetails(view({ hold: { _id: 's', who: 'ann', why: 'audit', at: now } }), look);
    expect(text).toContain('Tue 2026-11-24 13:00:20 +01:00');
    expect(text).toContain('paused by       ann: audit, 0s ago');
    expect(text).toContain('fire-once, within 1d');
    expect(text).not.toContain('canary');
  });
});

it('shows a backfill before it is done', () => {
  const plan = {
    zone: 'UTC',
    times: [
      { nominal: now.toISOString(), run: 's@1', state: null, action: 'new', why: 'nothing is on record' },
      {
        nominal: now.toISOString(),
        run: 's@2',
        state: 'succeeded' as const,
        action: 'left',
        why: 'it succeeded',
      },
    ],
  };
  expect(backfillTable(plan, look).split('\n')).toEqual([
    'NOMINAL               IN UTC                          ON RECORD  DOES         BECAUSE',
    '2026-11-24T12:00:00Z  Tue 2026-11-24 12:00:00 +00:00  -          run          nothing is on record',
    '2026-11-24T12:00:00Z  Tue 2026-11-24 12:00:00 +00:00  succeeded  leave alone  it succeeded',
    '',
    '1 run, 1 leave alone',
  ]);
  expect(backfillTable({ ...plan, times: [] }, look)).toContain('no nominal time');
});

describe('a cron text on the command line', () => {
  it('is read as a schedule’s own is', () => {
    const timing = timingOfFlags({ cron: '30 9 * * 1-5', zone: 'Europe/Berlin' }, operator);
    expect(timing).toMatchObject({ cron: '30 9 * * 1-5', zone: 'Europe/Berlin' });
  });

  it('that is wrong is told about by the flags’ names', () => {
    const wrong = (): unknown => timingOfFlags({ cron: '30 25 * * *', zone: 'Europe/Belrin' }, operator);
    expect(wrong).toThrow(/--cron is "30 25 \* \* \*"/);
    expect(wrong).toThrow(/--zone is/);
  });

  it('is previewed with its zone', () => {
    const times = [{ utc: '2026-11-24T12:05:00.000Z', zoneTime: 'Tue 2026-11-24 13:05:00 +01:00' }];
    const text = previewTable({ cron: '*/5 * * * *', zone: 'Europe/Berlin', times, exhausted: false }, look);
    expect(text).toContain('Tue 2026-11-24 13:05:00 +01:00  2026-11-24T12:05:00Z  in 5m');
  });
});
