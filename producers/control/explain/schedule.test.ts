import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../infra/config/load.ts';
import { scheduleOperator } from '../../../infra/config/schedule-operator.ts';
import type { Run } from '../../../model/runs.ts';
import type { ScheduleStatus } from '../../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../../model/schedules.ts';
import type { QueueFacts, StoreFacts } from './facts.ts';
import { explainSchedule } from './schedule.ts';

const NOW = new Date('2026-11-29T12:00:20Z');
const at = (ms: number): Date => new Date(NOW.getTime() + ms);
const operator = scheduleOperator(loadSettings({}));

const SCHEDULE: ScheduleDocument = {
  id: 's1',
  config: { schedule: '* * * * *', apiKey: 'canary-secret' },
  custom: { version: '1.0.0', filePath: 'owner/s/1.0.0', config: { runtime: 'python3.11' } },
};
const status = (over: Partial<ScheduleStatus> = {}): ScheduleStatus => ({
  _id: 's1',
  phase: 'active',
  reason: 'It ticks.',
  since: at(-3_600_000),
  updatedAt: at(-20_000),
  handledThrough: at(-20_000),
  nextAt: at(40_000),
  line: [],
  failuresInRow: 0,
  ...over,
});
const run = (over: Partial<Run> = {}): Run => ({
  _id: 's1@20261129T120000Z',
  scheduleId: 's1',
  kind: 'tick',
  nominal: at(-20_000),
  due: at(-20_000),
  state: 'running',
  reason: 'It runs.',
  cause: 'tick',
  open: true,
  createdAt: at(-20_000),
  updatedAt: at(-20_000),
  startedAt: at(-19_000),
  containerId: 'c0ffee0123456789',
  attempt: 1,
  attempts: [],
  ...over,
});
const job: QueueFacts['jobs'][number] = {
  queue: 'scheduled-run',
  id: '7',
  state: 'waiting',
  cause: 'tick',
  attempts: 0,
  addedAt: at(-20_000),
  followed: false,
};
const SCHEDULER: StoreFacts['processes'][number] = {
  _id: 'host-1',
  service: 'bot-scheduler',
  version: '1',
  host: 'h',
  startedAt: at(-1),
  seenAt: at(-1),
  problems: [],
  engine: true,
  leases: ['the0:scheduler'],
};
const explained = (
  of: Partial<StoreFacts> = {},
  queue: QueueFacts | undefined = { jobs: [], processors: 1, paused: [], alarmAt: at(40_000) },
) =>
  explainSchedule(
    {
      id: 's1',
      now: NOW,
      installation: 'the0',
      store: {
        schedule: SCHEDULE,
        scheduleStatus: status(),
        poison: [],
        processes: [SCHEDULER],
        runs: [],
        ...of,
      },
      queue,
      unknown: [],
    },
    operator,
  );

describe('why a schedule is as it is', () => {
  it('ticks, and when next', () => {
    const told = explained();
    expect(told).toMatchObject({
      verdict: 'It ticks as it should.',
      health: 'well',
      next: 'It ticks in 40 s (2026-11-29 12:01:00 UTC).',
      nextAt: at(40_000),
      cures: [],
    });
    expect(told.steps.filter(({ obstacle }) => obstacle === true)).toEqual([]);
    expect(JSON.stringify(told)).not.toContain('canary-secret');
  });

  it('runs just now', () => {
    const told = explained({ runs: [run()] });
    expect(told.verdict).toBe(
      'It ticks as it should. The run of 2026-11-29 12:00:00 UTC is going, for 19 s.',
    );
    expect(told.steps.find(({ kind }) => kind === 'run')?.text).toContain('in container c0ffee012345');
  });

  it('cannot run as its owner wrote it: which field, and what would be right', () => {
    const schedule = { ...SCHEDULE, config: { schedule: '99 * * * *', timezone: 'Europe/Berln' } };
    const told = explained({ schedule });
    expect(told).toMatchObject({ health: 'trouble', next: '' });
    expect(told.verdict).toMatch(/^It cannot run as it is: .*Europe\/Berln/);
    expect(told.steps.some(({ kind, obstacle }) => kind === 'schedule' && obstacle === true)).toBe(true);
  });

  it('is paused or disabled, as is wanted, and a run of it goes on', () => {
    const hold = { _id: 's1', who: 'ann', why: 'incident 7', at: at(-60_000) };
    expect(explained({ hold, runs: [run()] })).toMatchObject({
      verdict: 'It does not tick, as is wanted: ann (incident 7) paused it. A run of it goes on to the end.',
      health: 'wanted',
    });
    const schedule = { ...SCHEDULE, config: { ...SCHEDULE.config, enabled: false } };
    expect(explained({ schedule }).verdict).toBe(
      'It does not tick, as is wanted: its owner has disabled it.',
    );
  });

  it('is overdue, and what stands in the way', () => {
    const told = explained(
      { scheduleStatus: status({ nextAt: at(-80_000) }) },
      { jobs: [], processors: 0, paused: [] },
    );
    expect(told.verdict).toBe(
      'It is overdue: the nominal time 2026-11-29 11:59:00 UTC was not handled for 1 min 20 s.',
    );
    expect(told.health).toBe('trouble');
    expect(told.cures[0]).toContain('Start a processor for schedule-tick');
    expect(told.steps.filter(({ obstacle }) => obstacle === true).map(({ kind }) => kind)).toContain('job');
  });

  it('fails again and again: how its last run ended', () => {
    const lastRun = {
      runId: 's1@1',
      state: 'failed' as const,
      endedAt: at(-15_000),
      reason: 'It ended with exit code 1.',
    };
    const told = explained({ scheduleStatus: status({ failuresInRow: 3, lastRun }) });
    expect(told.verdict).toBe(
      'It ticks, and its last runs failed (3 times in a row: It ended with exit code 1).',
    );
    expect(told).toMatchObject({ health: 'trouble', nextAt: at(40_000) });
  });

  it('is not looked after by anybody', () => {
    const told = explained({ processes: [] });
    expect(told.verdict).toBe(
      'It ticks as it should, but nobody plans at present: no bot-scheduler is alive.',
    );
    expect(told.health).toBe('trouble');
  });

  it.each(['schedule-tick', 'scheduled-run'] as const)('does not get on, since %s is paused', (name) => {
    const jobs: QueueFacts = { jobs: [], processors: 1, paused: [name], alarmAt: at(40_000) };
    const told = explained({}, jobs);
    expect(told).toMatchObject({
      verdict: `It ticks as it should, but the queue ${name} is paused.`,
      health: 'trouble',
      next: `It ticks in 40 s (2026-11-29 12:01:00 UTC), once the queue ${name} is resumed.`,
    });
    expect(told.cures[0]).toContain(`Resume the queue ${name} in Bull Board`);
    const obstacle = told.steps.find((step) => step.obstacle === true)?.text;
    expect(obstacle).toContain(`The queue ${name} is paused`);
    const schedule = { ...SCHEDULE, config: { ...SCHEDULE.config, enabled: false } };
    expect(explained({ schedule }, jobs)).toMatchObject({ health: 'wanted' });
    expect(explained({ schedule, runs: [run()] }, jobs)).toMatchObject({ health: 'wanted' });
    const waits = { ...jobs, jobs: [job] };
    const left = explained({ schedule, runs: [run({ state: 'queued' })] }, waits);
    expect(left.verdict.includes('is paused')).toBe(name === 'scheduled-run');
  });

  it('was deleted, and a run of it is not over', () => {
    const scheduleOrder = { _id: 's1', streamCreatedAt: at(-1), sequence: 2, deletedAt: at(-120_000) };
    expect(explained({ schedule: undefined, scheduleOrder, runs: [run()] }).verdict).toBe(
      'It was deleted 2 min ago (2026-11-29 11:58:20 UTC), and a run of it is not over.',
    );
  });
});
