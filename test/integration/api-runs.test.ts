import { toJson, type JsonObject } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collections } from '../../infra/mongo/collections.ts';
import { RunDetailsSchema, RunService, RunState } from '../../proto/gen/the0/runtime/v1/runs_pb.js';
import { refusalOf, startInProcessApi, type InProcessApi } from '../support/api-in-process.ts';
import { until } from '../support/poll.ts';
import { addRun, addSchedule, second } from '../support/schedule-records.ts';
import { testServers } from '../support/servers.ts';

/** Runs through the API: what is on record, and what is put there. No processor takes them up. */
const servers = testServers();
let api: InProcessApi;
/** The same without Redis. */
let lame: InProcessApi;
let all: Collections;
const client = (who?: string) => api.client(RunService, who);
const change = (reason = 'month end', idempotencyKey = '') => ({ reason, idempotencyKey });

beforeAll(async () => {
  [api, lame] = await Promise.all([
    startInProcessApi(servers.environment),
    startInProcessApi({ ...servers.environment, REDIS_URL: 'redis://127.0.0.1:1' }),
  ]);
  all = api.connections.collections;
  await until(() => api.connections.queues().catch(() => undefined));
});
afterAll(async () => {
  await Promise.all([api?.[Symbol.asyncDispose](), lame?.[Symbol.asyncDispose]()]);
});

describe('one run', () => {
  it('is told of whole: result, attempts, and of what was overridden only the names', async () => {
    await addRun(all, 'whole@now-1', 0, 'failed', {
      kind: 'manual',
      exitCode: 0,
      result: { trades: [1, 2.5, null], note: 'é' },
      lastOutput: ['bye'],
      attempts: [
        { attempt: 1, outcome: 'timed-out', reason: 'Too long', endedAt: second(0), oomKilled: true },
      ],
      cancel: { who: 'ann', why: 'wrong day', at: second(0) },
      request: { id: '1', who: 'ann', why: 'test', configOverride: { apiKey: 'canary-77', size: 1 } },
    });
    const { details } = await client().getRun({ id: 'whole@now-1' });
    await all.runs.deleteOne({ _id: 'whole@now-1' });
    expect(details).toMatchObject({
      run: {
        kind: 'manual',
        state: RunState.FAILED,
        exitCode: 0,
        cancel: { who: 'ann', why: 'wrong day' },
        request: { id: '1', overridden: ['apiKey', 'size'] },
      },
      lastOutput: ['bye'],
      attempts: [{ attempt: 1, outcome: RunState.TIMED_OUT, oomKilled: true }],
    });
    expect(details?.attempts[0]?.exitCode).toBeUndefined();
    if (details === undefined) throw new Error('It has no details');
    const json = toJson(RunDetailsSchema, details) as JsonObject;
    expect(json['result']).toEqual({ trades: [1, 2.5, null], note: 'é' });
    expect(JSON.stringify(json)).not.toContain('canary-77');
  });

  it('that does not exist is not found, and neither is its schedule', async () => {
    const span = { from: timestampFromDate(second(0)), to: timestampFromDate(second(60)) };
    const missing = [
      ['run_not_found', 'id', () => client().getRun({ id: 'nobody@now-1' })],
      ['run_not_found', 'id', () => client().cancelRun({ id: 'nobody@now-1', change: change() })],
      ['schedule_not_found', 'schedule', () => client().runNow({ schedule: 'nobody', change: change() })],
      [
        'schedule_not_found',
        'schedule',
        () => client().backfill({ schedule: 'nobody', ...span, dryRun: true }),
      ],
    ] as const;
    for (const [code, field, call] of missing)
      expect(await refusalOf(call())).toMatchObject({ status: 'NotFound', code, field });
  });
});

describe('run now', () => {
  beforeAll(() => addSchedule(all, 'manual', 'active'));

  it('is one run for each key, whoever repeats it and however often', async () => {
    const request = {
      schedule: 'manual',
      configOverride: { size: 2, apiKey: 'canary-78' },
      change: change('books', 'k-1'),
    };
    const [first, again] = await Promise.all([client().runNow(request), client().runNow(request)]);
    expect(first.run?.id).toBe('manual@now-k-1');
    expect(again.run?.id).toBe('manual@now-k-1');
    const other = await client('bob').runNow({ ...request, change: change('mine too', 'k-1') });
    expect(other).toMatchObject({ created: false, run: { cause: 'run now by ann@desk: books' } });
    expect(await all.runs.countDocuments({ scheduleId: 'manual' })).toBe(1);
    expect(first.run?.request?.overridden).toEqual(['size', 'apiKey']);
    const { data } = (await (await api.connections.queues()).schedules.runs.getJobs())[0] ?? {};
    expect(JSON.stringify(data)).not.toContain('canary-78');
  });

  it('without a key is a run each time', async () => {
    const ids = [
      await client().runNow({ schedule: 'manual', change: change() }),
      await client().runNow({ schedule: 'manual', change: change() }),
    ];
    expect(new Set(ids.map(({ run }) => run?.id)).size).toBe(2);
    expect(ids.map(({ created }) => created)).toEqual([true, true]);
  });

  it('refuses by the field that is wrong', async () => {
    const ask = (more: object) =>
      refusalOf(client().runNow({ schedule: 'manual', change: change(), ...more }));
    expect(await ask({ configOverride: { schedule: '* * * * *' } })).toMatchObject({
      status: 'InvalidArgument',
      field: 'configOverride',
    });
    expect(await ask({ configOverride: { timeout: 'soon' } })).toMatchObject({ field: 'configOverride' });
    expect(await ask({ change: change('x', 'a:b') })).toMatchObject({
      status: 'InvalidArgument',
      field: 'change.idempotencyKey',
    });
    expect(await ask({ change: change('') })).toMatchObject({
      status: 'InvalidArgument',
      field: 'change.reason',
    });
  });

  it('is on record while Redis is away, and says that nobody was woken', async () => {
    const ask = lame.client(RunService);
    const { run, created, notQueued } = await ask.runNow({ schedule: 'manual', change: change() });
    expect(created).toBe(true);
    expect(notQueued).toMatch(/Redis does not answer/);
    expect((await ask.getRun({ id: run?.id ?? '' })).details?.run?.state).toBe(RunState.QUEUED);
    expect((await ask.listRuns({ schedule: 'manual' })).runs[0]?.id).toBe(run?.id);
    const cancelled = await ask.cancelRun({ id: run?.id ?? '', change: change('wrong') });
    expect(cancelled).toMatchObject({ outcome: 'ended', run: { state: RunState.CANCELLED } });
  });
});

describe('cancel', () => {
  it('of two operators at once ends a run once, by one of them', async () => {
    await addSchedule(all, 'twice', 'active');
    const { run } = await client().runNow({ schedule: 'twice', change: change() });
    const id = run?.id ?? '';
    const answers = await Promise.all(
      ['ann', 'bob', 'eve'].map((who) => client(who).cancelRun({ id, change: change(`by ${who}`) })),
    );
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['ended', 'over', 'over']);
    const cancels = answers.map(({ run: seen }) => seen?.cancel?.who);
    expect(new Set(cancels).size).toBe(1);
  });
});

describe('backfill', () => {
  const span = { from: timestampFromDate(second(0)), to: timestampFromDate(second(900)) };

  it('shows first, needs its reason to be done, and does it once', async () => {
    await addSchedule(all, 'back', 'paused');
    const ask = { schedule: 'back', ...span };
    // Paused schedules are not ticking, so their past is all a backfill's.
    const planned = await client().backfill({ ...ask, dryRun: true });
    expect(planned.items.map(({ action }) => action)).toEqual(['new', 'new', 'new', 'new']);
    expect(planned).toMatchObject({ begun: [], zone: 'Europe/Berlin', overlap: 'forbid' });
    expect(await all.runs.countDocuments({ scheduleId: 'back' })).toBe(0);
    expect(await refusalOf(client().backfill(ask))).toMatchObject({
      status: 'InvalidArgument',
      message: expect.stringContaining('needs its reason') as string,
    });
    const twice = await Promise.all([
      client('ann').backfill({ ...ask, change: change() }),
      client('bob').backfill({ ...ask, change: change() }),
    ]);
    expect(twice.flatMap(({ begun }) => begun).sort()).toEqual(planned.items.map(({ run }) => run));
    expect(await all.runs.countDocuments({ scheduleId: 'back' })).toBe(4);
  });

  it('has bounds, and names the field', async () => {
    const ask = { schedule: 'back', dryRun: true };
    expect(await refusalOf(client().backfill({ ...ask, from: span.to, to: span.from }))).toMatchObject({
      status: 'InvalidArgument',
      field: 'to',
    });
    expect(
      await refusalOf(client().backfill({ ...ask, from: timestampFromDate(new Date(0)), to: span.to })),
    ).toMatchObject({ code: 'too_much', field: 'from' });
  });
});
