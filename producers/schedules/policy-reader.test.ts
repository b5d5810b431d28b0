import { describe, expect, it } from 'vitest';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import { schedulePolicy } from '../../model/schedule-policy.ts';
import { PLANNED_FIELDS, PolicyReader } from './policy-reader.ts';

const operator: ScheduleOperator = {
  zone: 'Europe/Berlin',
  minIntervalMs: 1_000,
  misfireWindowMs: 3_600_000,
  fireAllCeiling: 10,
  overlapCeiling: 5,
  timeoutMs: 60_000,
  timeoutCeilingMs: 3_600_000,
  retriesCeiling: 3,
};
const full = {
  schedule: '0 9 * * *',
  timezone: 'UTC',
  misfire: { policy: 'fire-once', window: '2h' },
  overlap: { policy: 'allow', max: 2 },
  timeout: '1m',
  retries: 1,
  jitter: '5s',
};

describe('PolicyReader', () => {
  it('reduces a policy to what planning needs', () => {
    expect(new PolicyReader(operator).read({ id: 's', config: full })).toEqual({
      ok: true,
      timing: expect.stringContaining('0 9 * * *') as string,
      cron: '0 9 * * *',
      zone: 'UTC',
      windowMs: 7_200_000,
      runsAtOnce: 2,
    });
  });

  it('says everything that is wrong in one reason', () => {
    const reading = new PolicyReader(operator).read({ id: 's', config: { timeout: -1 } });
    expect(reading).toMatchObject({ ok: false });
    expect(reading.ok ? '' : reading.reason).toMatch(/config\.schedule.*; .*config\.timeout/);
  });

  it('reads the same config once', () => {
    const reader = new PolicyReader(operator);
    const first = reader.read({ id: 'a', config: { ...full } });
    expect(reader.read({ id: 'b', config: { ...full } })).toBe(first);
    expect(reader.read({ id: 'b', config: { ...full, schedule: '1 9 * * *' } })).not.toBe(first);
    expect(reader.read({ id: 'c' })).not.toBe(first);
  });

  it('is given every field of the config that the policy looks at', () => {
    const looked = new Set<string>();
    const config = new Proxy(full, {
      get(target, key) {
        looked.add(String(key));
        return Reflect.get(target, key) as unknown;
      },
    });
    schedulePolicy({ id: 's', config }, operator);
    expect(looked.size).toBeGreaterThan(0);
    expect(Object.keys(PLANNED_FIELDS)).toEqual(
      expect.arrayContaining([...looked].map((field) => `config.${field}`)),
    );
  });
});
