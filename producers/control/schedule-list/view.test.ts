import { describe, expect, it } from 'vitest';
import { scheduleOperator } from '../../../infra/config/schedule-operator.ts';
import { loadSettings } from '../../../infra/config/load.ts';
import { byTrouble, scheduleView, VIEW_PHASES, type ScheduleFacts, type StatusFacts } from './view.ts';

const now = new Date('2026-11-24T12:00:00Z');
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

describe('scheduleView', () => {
  it('says what would run, when next, and by which policy', () => {
    expect(view()).toEqual({
      id: 's',
      phase: 'active',
      reason: 'It ticks.',
      since: '2026-11-24T11:59:00.000Z',
      enabled: true,
      schedule: '*/5 * * * *',
      zone: 'Europe/Berlin',
      next: '2026-11-24T12:00:20.000Z',
      lastRun: null,
      failuresInRow: 0,
      line: [],
      hold: null,
      policy: {
        misfire: { policy: 'fire-once', max: 1, windowMs: 86_400_000 },
        overlap: { policy: 'forbid', max: 1 },
        timeoutMs: 86_400_000,
        retries: 0,
        retryDelayMs: expect.any(Number) as number,
        jitterMs: 0,
      },
      name: 'mine',
      runtime: null,
      version: null,
    });
  });

  it('does not show what is neither a schedule nor a zone: it may be a key that was pasted there', () => {
    const misplaced = { ...document, config: { schedule: 'k'.repeat(40), timezone: 'z'.repeat(30) } };
    expect(view({ document: misplaced, status: undefined })).toMatchObject({
      schedule: 'a text of 40 characters',
      zone: 'a text of 30 characters',
    });
    const mistyped = { ...document, config: { schedule: '*/5 * * * x' } };
    expect(view({ document: mistyped }).schedule).toBe('"*/5 * * * x"');
  });

  it('calls one that nobody has looked at pending', () => {
    expect(view({ status: undefined })).toMatchObject({
      phase: 'pending',
      next: null,
      zone: 'Europe/Berlin',
    });
  });

  it('shows one that was deleted while a run is on', () => {
    expect(view({ document: undefined, status: status({ phase: 'gone', line: ['s@1'] }) })).toMatchObject({
      phase: 'gone',
      enabled: false,
      schedule: null,
      line: ['s@1'],
    });
  });

  it('shows no more of what was pasted into the wrong field than a table can hold', () => {
    const pasted = { id: 's', config: { schedule: 'x'.repeat(5_000) } };
    expect(view({ document: pasted }).schedule).toBe('a text of 5000 characters');
    const long = { id: 's', config: { schedule: `${'0,'.repeat(200)}0 * * * *` } };
    expect(view({ document: long }).schedule).toHaveLength(100);
    expect(view({ document: pasted }).policy).toBeNull();
  });
});

it('puts trouble first, whatever the phase', () => {
  const views = [
    ...VIEW_PHASES.map((phase) =>
      phase === 'pending'
        ? { ...view(), phase, id: phase }
        : { ...view({ status: status({ phase }) }), id: phase },
    ),
    { ...view({ status: status({ failuresInRow: 2 }) }), id: 'failing' },
  ];
  expect(views.sort(byTrouble).map(({ id }) => id)).toEqual([
    'invalid',
    'failing',
    'gone',
    'pending',
    'active',
    'paused',
    'disabled',
  ]);
});
