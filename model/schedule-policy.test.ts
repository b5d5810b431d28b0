import { describe, expect, it } from 'vitest';
import { schedulePolicy, type ScheduleOperator } from './schedule-policy.ts';
import type { ScheduleDocument } from './schedules.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const OPERATOR: ScheduleOperator = {
  zone: 'UTC',
  minIntervalMs: SECOND,
  misfireWindowMs: 24 * HOUR,
  fireAllCeiling: 100,
  overlapCeiling: 10,
  timeoutMs: 24 * HOUR,
  timeoutCeilingMs: 168 * HOUR,
  retriesCeiling: 10,
};

const outcomeOf = (config: unknown, operator = OPERATOR) =>
  schedulePolicy({ id: 's1', config } as ScheduleDocument, operator);

const policyOf = (config: Record<string, unknown>, operator = OPERATOR) => {
  const outcome = outcomeOf({ schedule: '*/5 * * * *', ...config }, operator);
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  return outcome.policy;
};
const problemsOf = (config: unknown, operator = OPERATOR): string[] => {
  const outcome = outcomeOf(config, operator);
  return outcome.ok ? [] : outcome.problems;
};
/** Of a config whose schedule is fine. */
const problemsIn = (config: Record<string, unknown>, operator = OPERATOR): string[] =>
  problemsOf({ schedule: '*/5 * * * *', ...config }, operator);

describe('schedulePolicy', () => {
  it('completes from the operator’s settings what a schedule does not say', () => {
    const initial = {
      cron: '*/5 * * * *',
      zone: 'UTC',
      misfire: { policy: 'fire-once', max: 1, windowMs: 24 * HOUR },
      overlap: { policy: 'forbid', max: 1 },
      timeoutMs: 24 * HOUR,
      retries: 0,
      retryDelayMs: 10 * SECOND,
      jitterMs: 0,
    };
    expect(policyOf({})).toEqual(initial);
    const unset = {
      timezone: null,
      misfire: null,
      overlap: null,
      timeout: null,
      retries: null,
      jitter: null,
    };
    expect(policyOf(unset)).toEqual(initial);
    expect(policyOf({ symbol: 'BTC', enabled: false, misfire: {}, overlap: {} })).toEqual(initial);
  });

  it('takes the zone of the schedule’s own text first, then config.timezone, then the operator’s', () => {
    const zoneOf = (config: Record<string, unknown>) =>
      policyOf(config, { ...OPERATOR, zone: 'Asia/Tokyo' }).zone;
    expect(zoneOf({})).toBe('Asia/Tokyo');
    expect(zoneOf({ timezone: 'Europe/Berlin' })).toBe('Europe/Berlin');
    expect(zoneOf({ timezone: 'Europe/Berlin', schedule: 'CRON_TZ=America/New_York 30 9 * * *' })).toBe(
      'America/New_York',
    );
  });

  it('returns the timing that goes with the policy', () => {
    const outcome = outcomeOf({ schedule: ' CRON_TZ=Europe/Berlin  30 9 * * 1-5 ' });
    if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
    expect(outcome.policy).toMatchObject({ cron: '30 9 * * 1-5', zone: 'Europe/Berlin' });
    expect(outcome.timing.next(Date.parse('2026-11-24T12:00:00Z'))).toBe(Date.parse('2026-11-25T08:30:00Z'));
  });

  it.each([
    [{ misfire: 'skip' }, { misfire: { policy: 'skip', max: 0, windowMs: 24 * HOUR } }],
    [{ misfire: 'fire-all' }, { misfire: { policy: 'fire-all', max: 100, windowMs: 24 * HOUR } }],
    [
      { misfire: { policy: 'fire-all', max: 3, window: '90m' } },
      { misfire: { policy: 'fire-all', max: 3, windowMs: 90 * MINUTE } },
    ],
    [{ misfire: { window: '1h' } }, { misfire: { policy: 'fire-once', max: 1, windowMs: HOUR } }],
    [{ overlap: 'queue-one' }, { overlap: { policy: 'queue-one', max: 1 } }],
    [{ overlap: { policy: 'replace' } }, { overlap: { policy: 'replace', max: 1 } }],
    [{ overlap: 'allow' }, { overlap: { policy: 'allow', max: 10 } }],
    [{ overlap: { policy: 'allow', max: 2 } }, { overlap: { policy: 'allow', max: 2 } }],
    [{ timeout: '90s' }, { timeoutMs: 90 * SECOND }],
    [{ timeout: '1h30m' }, { timeoutMs: 90 * MINUTE }],
    [{ timeout: 90 }, { timeoutMs: 90 * SECOND }],
    [{ timeout: '168h' }, { timeoutMs: 168 * HOUR }],
    [{ retries: 0 }, { retries: 0, retryDelayMs: 10 * SECOND }],
    [{ retries: 10 }, { retries: 10, retryDelayMs: 10 * SECOND }],
    [{ retries: { count: 2, delay: '1m' } }, { retries: 2, retryDelayMs: MINUTE }],
    [{ retries: { count: 2 } }, { retries: 2, retryDelayMs: 10 * SECOND }],
    [{ jitter: '30s' }, { jitterMs: 30 * SECOND }],
    [{ jitter: '5m' }, { jitterMs: 5 * MINUTE }],
    [{ jitter: 0 }, { jitterMs: 0 }],
  ])('reads %j', (config, policy) => {
    expect(policyOf(config)).toMatchObject(policy);
  });

  it('takes the operator’s time-out for the ceiling where it is the higher one', () => {
    const operator = { ...OPERATOR, timeoutMs: 200 * HOUR };
    expect(policyOf({}, operator).timeoutMs).toBe(200 * HOUR);
    expect(policyOf({ timeout: '190h' }, operator).timeoutMs).toBe(190 * HOUR);
  });
});

describe('schedulePolicy, when something is wrong, names the field, the fault and the cure', () => {
  const DURATION = 'write it like "90s" or "1h30m", or as a number of seconds';

  it.each([
    [{ timeout: -1 }, `config.timeout is -1, which is no duration: ${DURATION}`],
    [{ timeout: 0 }, `config.timeout is 0: at least 1 s is needed; ${DURATION}`],
    [{ timeout: 'soon' }, `config.timeout is "soon", which is no duration: ${DURATION}`],
    [{ timeout: NaN }, `config.timeout is NaN, which is no duration: ${DURATION}`],
    [{ timeout: '200h' }, 'config.timeout is "200h": at most 168 h is allowed'],
    [{ timeout: 1e15 }, `config.timeout is 1000000000000000, which is no duration: ${DURATION}`],
    [
      { retries: 1.5 },
      'config.retries is 1.5: write a whole number from 0 to 10, or an object such as {"count": 2, "delay": "30s"}',
    ],
    [
      { retries: '3' },
      'config.retries is "3": write a whole number from 0 to 10, without quotes, or an object such as {"count": 2, "delay": "30s"}',
    ],
    [{ retries: 1e9 }, 'config.retries is 1000000000: at most 10 is allowed'],
    [{ retries: { delay: '5s' } }, 'config.retries.count is missing: write a whole number from 0 to 10'],
    [{ retries: { count: -1 } }, 'config.retries.count is -1: write a whole number from 0 to 10'],
    [{ retries: { count: 1, delay: 0 } }, `config.retries.delay is 0: at least 1 s is needed; ${DURATION}`],
    [{ retries: { count: 1, delay: '25h' } }, 'config.retries.delay is "25h": at most 24 h is allowed'],
    [
      { retries: { count: 1, dealy: '5s' } },
      'config.retries has an unknown key ("dealy"): did you mean "delay"? Else it can hold "count" and "delay"',
    ],
    [
      { overlap: 'forbidd' },
      'config.overlap is "forbidd": did you mean "forbid"? Else it can be "forbid", "queue-one", "replace" or "allow"',
    ],
    [
      { overlap: 'never' },
      'config.overlap is "never": it can be "forbid", "queue-one", "replace" or "allow"',
    ],
    [
      { overlap: ['forbid'] },
      'config.overlap is an array: write "forbid", "queue-one", "replace" or "allow", or an object such as {"policy": "allow", "max": 3}',
    ],
    [{ overlap: { policy: 'allow', max: 11 } }, 'config.overlap.max is 11: at most 10 is allowed'],
    [{ overlap: { policy: 'allow', max: 0 } }, 'config.overlap.max is 0: write a whole number from 1 to 10'],
    [
      { overlap: { policy: 'queue-one', max: 2 } },
      'config.overlap.max means nothing where the policy is "queue-one": leave it out, or make the policy "allow"',
    ],
    [
      { overlap: { max: 2 } },
      'config.overlap.max means nothing where the policy is "forbid": leave it out, or make the policy "allow"',
    ],
    [
      { misfire: { policy: 'FIRE_ALL' } },
      'config.misfire.policy is "FIRE_ALL": did you mean "fire-all"? Else it can be "skip", "fire-once" or "fire-all"',
    ],
    [
      { misfire: { policy: { policy: 'skip' } } },
      'config.misfire.policy is an object: it can be "skip", "fire-once" or "fire-all"',
    ],
    [
      { misfire: true },
      'config.misfire is true: write "skip", "fire-once" or "fire-all", or an object such as {"policy": "fire-all", "max": 10, "window": "6h"}',
    ],
    [{ misfire: { policy: 'fire-all', max: 101 } }, 'config.misfire.max is 101: at most 100 is allowed'],
    [
      { misfire: { policy: 'skip', window: '1h' } },
      'config.misfire.window means nothing where the policy is "skip": leave it out, or make the policy "fire-once" or "fire-all"',
    ],
    [{ misfire: { window: -1 } }, `config.misfire.window is -1, which is no duration: ${DURATION}`],
    [
      { misfire: { a: 1, windwo: 2, b: 3 } },
      'config.misfire has 3 unknown keys, the first ("a"): it can hold "policy", "max" and "window"',
    ],
    [{ jitter: '-5s' }, `config.jitter is "-5s", which is no duration: ${DURATION}`],
    [
      { jitter: '6m' },
      'config.jitter is "6m", and the schedule fires every 5 min at its most frequent: write no more than that',
    ],
  ])('%j', (config, problem) => {
    expect(problemsIn(config)).toEqual([problem]);
  });

  it.each([
    [{}, /^config\.schedule is missing.*write/],
    [{ schedule: null }, /^config\.schedule is missing/],
    [undefined, /^config\.schedule is missing/],
    ['* * * * *', /^config\.schedule is missing/],
    [{ schedule: '' }, /^config\.schedule .*empty/],
    [{ schedule: ['* * * * *'] }, /^config\.schedule is an array/],
    [{ schedule: 5 }, /^config\.schedule is 5/],
    [{ schedule: '0 0 30 2 *' }, /^config\.schedule .*never fires/],
    [
      { schedule: '@hourly', timezone: 'Europe/Berln' },
      /^config\.timezone is .*did you mean "Europe\/Berlin"/,
    ],
    [{ schedule: '@hourly', timezone: 5 }, /^config\.timezone is 5/],
    [{ schedule: '@hourly', timezone: ['UTC'] }, /^config\.timezone is an array/],
    [{ schedule: 'CRON_TZ=UTC 0 0 * * *', timezone: 'Mars/Olympus' }, /^config\.timezone is "Mars\/Olympus"/],
    [{ schedule: 'CRON_TZ=Mars/Olympus 0 0 * * *' }, /^config\.schedule .*CRON_TZ/],
  ])('%j', (config, problem) => {
    expect(problemsOf(config)).toEqual([expect.stringMatching(problem)]);
  });

  it('tells an owner who set no zone that it is the operator’s which is wrong', () => {
    expect(problemsIn({}, { ...OPERATOR, zone: 'Mars/Olympus' })).toEqual([
      expect.stringMatching(/^config\.timezone is not set, and the operator's own \(SCHEDULE_TIMEZONE\)/),
    ]);
    expect(problemsIn({ timezone: 'UTC' }, { ...OPERATOR, zone: 'Mars/Olympus' })).toEqual([]);
  });

  it('refuses what fires more often than the operator allows, at its most frequent', () => {
    const operator = { ...OPERATOR, minIntervalMs: MINUTE };
    expect(problemsOf({ schedule: '*/20 * * * * *' }, operator)).toEqual([
      'config.schedule "*/20 * * * * *" fires every 20 s at its most frequent: the operator allows every 1 min at most',
    ]);
    expect(problemsOf({ schedule: '0,50 0 0 1 1 *' }, operator)).toHaveLength(1);
    expect(problemsOf({ schedule: '* * * * *' }, operator)).toEqual([]);
    expect(problemsOf({ schedule: '* * * * * *' })).toEqual([]);
  });

  it('names all problems at once', () => {
    const fields = problemsOf({
      schedule: 'every day',
      timezone: 'Mars/Olympus',
      misfire: { policy: 'fire-al', max: 0, window: 'x', extra: 1 },
      overlap: { policy: 'alow', max: -1 },
      timeout: 0,
      retries: { count: -1, delay: -1 },
      jitter: 'some',
    }).map((problem) => problem.split(' ')[0]);
    expect(fields.toSorted()).toEqual([
      'config.jitter',
      'config.misfire',
      'config.misfire.max',
      'config.misfire.policy',
      'config.misfire.window',
      'config.overlap.max',
      'config.overlap.policy',
      'config.retries.count',
      'config.retries.delay',
      'config.schedule',
      'config.timeout',
      'config.timezone',
    ]);
  });

  it('never shows a key that was pasted into a wrong field', () => {
    const secret = 'sk-canary-0123456789abcdef';
    const fields = ['schedule', 'timezone', 'misfire', 'overlap', 'timeout', 'retries', 'jitter'];
    const nested = { policy: secret, max: secret, window: secret, count: secret, delay: secret, [secret]: 1 };
    for (const value of [secret, nested, [secret], secret.repeat(10_000)])
      for (const field of fields) {
        const problems = problemsIn({ [field]: value });
        expect(problems.length, field).toBeGreaterThan(0);
        expect(problems.join('\n'), field).not.toContain('canary');
        expect(problems.join('\n').length, field).toBeLessThan(2_000);
      }
  });
});
