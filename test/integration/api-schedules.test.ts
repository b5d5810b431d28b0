import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schedules } from '../../cli/api/schedules.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { Explanation_Health } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { SchedulePhase, ScheduleService } from '../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { addSchedule, second } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** Schedules through the API, on records that no planner touches. */
let api: InProcessApi;
let all: Collections;
const client = (who?: string) => api.client(ScheduleService, who);

beforeAll(async () => {
  api = await startInProcessApi(testServers().environment, (connections) => ({
    schedules: schedules(connections, async (id) => ({
      id,
      verdict: 'As it should be.',
      health: Explanation_Health.WELL,
    })).schedules,
  }));
  all = api.connections.collections;
  for (const id of ['s-00', 's-01', 's-02']) await addSchedule(all, id, 'active');
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
});

describe('one schedule', () => {
  it('is told of whole, and nothing of its parameters', async () => {
    await addSchedule(all, 'whole', 'active', {
      name: 'Whole',
      config: { overlap: { policy: 'allow', max: 2 }, timeout: '90s', retries: { count: 2, delay: '5s' } },
      status: {
        failuresInRow: 1,
        line: ['whole@1'],
        lastRun: { runId: 'whole@0', state: 'timed-out', endedAt: second(3), reason: 'Too long' },
      },
    });
    try {
      const { schedule } = await client().getSchedule({ id: 'whole' });
      expect(schedule).toMatchObject({
        id: 'whole',
        phase: SchedulePhase.ACTIVE,
        schedule: '*/5 * * * *',
        zone: 'Europe/Berlin',
        lastRun: { run: 'whole@0', reason: 'Too long' },
        line: ['whole@1'],
        policy: { overlap: 'allow', overlapMax: 2, timeout: { seconds: 90n }, retryDelay: { seconds: 5n } },
        runtime: 'python3.11',
      });
      const json = JSON.stringify(schedule, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(json).not.toContain('canary-51');
    } finally {
      await all.schedules.deleteOne({ id: 'whole' });
      await all.scheduleStatus.deleteOne({ _id: 'whole' });
    }
  });

  it('that does not exist is not found, whatever is asked of it', async () => {
    const [id, change] = ['nobody', { reason: 'test' }];
    for (const call of [
      () => client().getSchedule({ id }),
      () => client().explainSchedule({ id }),
      () => client().pauseSchedule({ id, change }),
      () => client().resumeSchedule({ id, change }),
      () => client().previewSchedule({ of: { case: 'id', value: id } }),
    ])
      expect(await refusalOf(call())).toMatchObject({
        status: 'NotFound',
        code: 'schedule_not_found',
        field: 'id',
        message: 'There is no schedule "nobody": list the schedules',
      });
  });

  it('is explained by whoever can', async () => {
    const { explanation } = await client().explainSchedule({ id: 's-00' });
    expect(explanation).toMatchObject({ id: 's-00', health: Explanation_Health.WELL });
  });
});

describe('pause and resume', () => {
  it('of two operators at once one is the first, and both are told whose hold it is', async () => {
    const change = (reason: string) => ({ id: 's-01', change: { reason } });
    const answers = await Promise.all([
      client('ann').pauseSchedule(change('audit')),
      client('bob').pauseSchedule(change('holidays')),
    ]);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    const [one, other] = answers.map(({ hold }) => `${hold?.who}: ${hold?.why}`);
    expect(one).toBe(other);
    expect(['ann: audit', 'bob: holidays']).toContain(one);
    const { schedule } = await client().getSchedule({ id: 's-01' });
    expect(`${schedule?.hold?.who}: ${schedule?.hold?.why}`).toBe(one);

    const resumed = await Promise.all([
      client('ann').resumeSchedule(change('done')),
      client('bob').resumeSchedule(change('done')),
    ]);
    expect(resumed.map(({ changed }) => changed).sort()).toEqual([false, true]);
    expect((await client().getSchedule({ id: 's-01' })).schedule?.hold).toBeUndefined();
  });

  it('never touch the owner’s document', async () => {
    const before = await all.schedules.findOne({ id: 's-01' });
    await client().pauseSchedule({ id: 's-01', change: { reason: 'audit' } });
    expect(await all.schedules.findOne({ id: 's-01' })).toEqual(before);
    await client().resumeSchedule({ id: 's-01', change: { reason: 'done' } });
    expect(await all.schedules.findOne({ id: 's-01' })).toEqual(before);
  });
});

describe('a preview', () => {
  it('shows the times of a schedule, and of a cron text, on their own clocks', async () => {
    const own = await client().previewSchedule({ of: { case: 'id', value: 's-00' }, count: 2 });
    expect(own).toMatchObject({ zone: 'Europe/Berlin', schedule: '*/5 * * * *', exhausted: false });
    expect(own.times).toHaveLength(2);
    const cron = { text: '30 9 * * 1-5', zone: 'Asia/Kolkata' };
    const any = await client().previewSchedule({ of: { case: 'cron', value: cron } });
    expect(any.times).toHaveLength(10);
    for (const { local } of any.times) expect(local).toMatch(/09:30:00 \+05:30$/);
    const never = await client().previewSchedule({
      of: { case: 'cron', value: { text: '0 0 29 2 *' } },
      count: 100,
    });
    expect(never.zone).toBe('UTC');
  });

  it.each([
    [{ text: '61 * * * *', zone: '' }, 'cron.text', /^cron.text is "61 \* \* \* \*"/],
    [{ text: '* * * * *', zone: 'Europe/Belrin' }, 'cron.zone', /^cron.zone is "Europe\/Belrin"/],
  ])('of %j is refused by the field that is wrong', async (value, field, message) => {
    const refusal = await refusalOf(client().previewSchedule({ of: { case: 'cron', value } }));
    expect(refusal).toMatchObject({ status: 'InvalidArgument', field });
    expect(refusal.message).toMatch(message);
  });

  it('of a schedule whose document is wrong says what is wrong', async () => {
    const id = 's-02';
    await all.schedules.updateOne({ id }, { $set: { 'config.schedule': '0 25 * * *' } });
    expect(await refusalOf(client().previewSchedule({ of: { case: 'id', value: id } }))).toMatchObject({
      status: 'FailedPrecondition',
      code: 'schedule_invalid',
    });
  });
});
