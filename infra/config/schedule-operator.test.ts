import { describe, expect, it } from 'vitest';
import { schedulePolicy } from '../../model/schedule-policy.ts';
import { loadSettings } from './load.ts';
import { scheduleOperator } from './schedule-operator.ts';

describe('scheduleOperator', () => {
  it('carries what the operator set into what a schedule gets', () => {
    const operator = scheduleOperator(
      loadSettings({
        SCHEDULE_TIMEZONE: 'Asia/Tokyo',
        MISFIRE_WINDOW: '2h',
        FIRE_ALL_CEILING: '7',
        OVERLAP_CEILING: '3',
        RUN_TIMEOUT: '5m',
      }),
    );
    const config = { schedule: '@hourly', misfire: 'fire-all', overlap: 'allow' };
    expect(schedulePolicy({ id: 's1', config }, operator)).toMatchObject({
      policy: {
        zone: 'Asia/Tokyo',
        misfire: { max: 7, windowMs: 7_200_000 },
        overlap: { max: 3 },
        timeoutMs: 300_000,
      },
    });
  });

  it.each([
    [{ SCHEDULE_MIN_INTERVAL: '1h' }, { schedule: '* * * * *' }, /^config\.schedule .* every 1 h/],
    [{ RUN_TIMEOUT: '1m', RUN_TIMEOUT_CEILING: '1h' }, { timeout: '2h' }, /^config\.timeout .* 1 h/],
    [{ RUN_RETRIES_CEILING: '4' }, { retries: 5 }, /^config\.retries .* 4/],
  ])('with %j, %j is refused', (environment, config, problem) => {
    const operator = scheduleOperator(loadSettings(environment));
    expect(schedulePolicy({ id: 's1', config: { schedule: '@hourly', ...config } }, operator)).toEqual({
      ok: false,
      problems: [expect.stringMatching(problem)],
    });
  });
});
