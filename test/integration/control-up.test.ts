import { afterAll, beforeAll, expect, it } from 'vitest';
import { pauseBots, resumeBots } from '../../cli/up/pause-bots.ts';
import { untilSucceeded, watchSchedules } from '../../cli/up/watch-schedules.ts';
import type { ScheduleView } from '../../producers/control/schedule-list/view.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { ScheduleControl } from '../../producers/control/schedules.ts';
import { newBotId, uploadCode } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { until } from '../support/poll.ts';
import { startTestScheduler, type TestRunner } from '../support/runner.ts';
import { finishRun, scheduleStatusOf } from '../support/schedule-runs.ts';
import { testServers } from '../support/servers.ts';

/** What `up` does with schedules: tells of them, waits for the first success, stops and resumes them. */
const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const scheduleId = newBotId();
const held = newBotId();
let scheduler: TestRunner;
let filePath: string;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const { NATS_URL: _unused, ...environment } = servers.environment;
  scheduler = await startTestScheduler({ environment: { ...environment, CHECK_INTERVAL: '1s' }, engine });
});
afterAll(() => scheduler.stop());

it('tells of each schedule and each end of a run once, and knows the first success', async () => {
  const { collections } = scheduler.services;
  const operator = scheduleOperator(scheduler.context.settings);
  const watching = new AbortController();
  const told: string[] = [];
  const tell = {
    onChange: ({ phase }: ScheduleView) => void told.push(phase),
    onRun: ({ lastRun }: ScheduleView) => void told.push(lastRun?.state ?? ''),
  };
  const watched = watchSchedules(collections, operator, tell, watching.signal);
  const nobody = await untilSucceeded(collections, operator, ['nobody'], 1, watching.signal);
  expect(nobody).toEqual([{ name: 'nobody', reason: 'its event has not arrived' }]);

  await collections.schedules.insertOne(scheduleDocument({ id: scheduleId, filePath, cron: '* * * * * *' }));
  const success = untilSucceeded(collections, operator, [scheduleId], 20_000, watching.signal);
  const run = await until(() => collections.runs.findOne({ scheduleId, state: 'running' }));
  await finishRun(engine, collections, run._id, { exitCode: 0 });
  expect(await success).toEqual([]);
  await until(() => told.includes('succeeded'), { timeoutMs: 5_000 });
  watching.abort();
  await watched;
  expect(told.filter((word) => word === 'active')).toHaveLength(1);
  expect(told.filter((word) => word === 'succeeded')).toHaveLength(1);
});

it('is stopped with all that runs, and goes on afterwards, less what an operator holds', async () => {
  const { collections, scheduleQueues } = scheduler.services;
  const control = new ScheduleControl({
    collections,
    queues: scheduleQueues,
    operator: scheduleOperator(scheduler.context.settings),
    now: () => new Date(),
    newId: () => crypto.randomUUID(),
  });
  await collections.schedules.insertOne(scheduleDocument({ id: held, filePath, cron: '0 0 1 1 *' }));
  await control.pause({ scheduleId: held, who: 'ann', why: 'audit' });
  const run = await until(() => collections.runs.findOne({ scheduleId, state: 'running' }));
  const left = await pauseBots(collections, control, engine, AbortSignal.timeout(20_000));
  expect(left).toBe(0);
  expect(await engine.list({ labels: { 'runtime.managed': 'true' } })).toEqual([]);
  expect(await collections.runs.findOne({ _id: run._id })).toMatchObject({
    state: 'cancelled',
    cancel: { who: 'up' },
  });
  await scheduleStatusOf(
    collections,
    scheduleId,
    ({ phase, line }) => phase === 'paused' && line.length === 0,
  );

  expect(await resumeBots(collections)).toBe(1);
  await scheduleStatusOf(collections, scheduleId, ({ phase }) => phase === 'active');
  expect(await collections.holds.findOne({ _id: held })).toMatchObject({ who: 'ann', why: 'audit' });
});
