import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBotScheduler } from '../../cli/roles/bot-scheduler.ts';
import { startScheduling } from '../../cli/roles/scheduling.ts';
import { openServices } from '../../cli/roles/services.ts';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { collections, type Collections } from '../../infra/mongo/collections.ts';
import { newBotId, uploadCode } from '../support/bots.ts';
import { scheduleDocument } from '../support/chaos-schedule-documents.ts';
import { until } from '../support/poll.ts';
import { roleContext, startTestProcessor, type TestRunner } from '../support/runner.ts';
import { finishRun, runOf, scheduleStatusOf } from '../support/schedule-runs.ts';
import { testServers } from '../support/servers.ts';

/** Planner, ticks and runs apart, each in a process of its own as far as they can tell. */
const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const scheduleId = newBotId();
const { NATS_URL: _unused, ...environment } = servers.environment;
const options = { environment: { ...environment, CHECK_INTERVAL: '1s' }, engine, concurrency: 4 };
const planner = roleContext(options);
let ticks: TestRunner;
let runs: TestRunner;
let all: Collections;
let first = '';

const metricsOf = async ({ context }: TestRunner): Promise<string> => (await context.metrics.render()).body;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  const filePath = await uploadCode(servers, { 'main.py': 'def main(bot_id, config):\n    pass\n' });
  const services = await openServices(planner);
  startScheduling(planner, services);
  all = services.collections;
  await all.schedules.insertOne(scheduleDocument({ id: scheduleId, filePath, cron: '* * * * * *' }));
  await scheduleStatusOf(all, scheduleId, ({ phase }) => phase === 'active');
});

afterAll(async () => {
  await Promise.all([ticks?.stop(), runs?.stop()]);
  await planner.lifecycle.stop({ kind: 'request', why: 'the test is over' });
});

describe('a processor', () => {
  it('of ticks alone records and queues, and starts nothing', async () => {
    ticks = await startTestProcessor({ ...options, queues: ['schedule-tick'] });
    await until(async () => (await all.runs.countDocuments({ scheduleId, state: 'skipped' })) > 0);
    const [queued] = await all.runs.find({ scheduleId, open: true }).toArray();
    first = queued?._id ?? '';
    expect(queued).toMatchObject({ state: 'queued', kind: 'tick', attempt: 0 });
    const skipped = await all.runs.findOne({ scheduleId, state: 'skipped' });
    expect(skipped?.reason).toContain('overlap forbid');
    expect(await engine.list()).toEqual([]);
    // Counted once the whole batch is through, a moment after its records are there.
    await until(async () =>
      /the0_ticks_total\{decision="skipped",[^}]*\} [1-9]/.test(await metricsOf(ticks)),
    );
    expect(await metricsOf(ticks)).not.toContain('the0_runs_total');
  });

  it('of runs alone starts what waits, and hands it back when it stops', async () => {
    runs = await startTestProcessor({ ...options, queues: ['scheduled-run'] });
    const running = await runOf(all, first, ({ state }) => state === 'running');
    expect(running.processor).toContain(runs.context.owner);
    await until(async () => (await engine.inspect(running.containerId ?? ''))?.state === 'running');
    expect(await metricsOf(runs)).not.toContain('the0_ticks_total');

    await runs.stop();
    expect((await engine.inspect(running.containerId ?? ''))?.state).toBe('running');
    runs = await startTestProcessor({ ...options, queues: ['scheduled-run'] });
    const taken = await runOf(
      all,
      first,
      ({ processor }) => processor?.includes(runs.context.owner) === true,
    );
    expect(taken).toMatchObject({ state: 'running', attempt: 1, containerId: running.containerId });
    await finishRun(engine, all, first, { exitCode: 0 });
    await runOf(all, first, ({ state }) => state === 'succeeded');
    await until(async () => /the0_runs_total\{state="succeeded",[^}]*\} 1/.test(await metricsOf(runs)));
  });

  it('shows the clock’s skew, and the depth of every queue', async () => {
    const metrics = await metricsOf(runs);
    for (const against of ['mongo', 'redis'])
      expect(metrics).toMatch(new RegExp(`the0_clock_skew_seconds\\{against="${against}",[^}]*\\} -?\\d`));
    for (const queue of ['start', 'stop', 'restart', 'schedule-tick', 'scheduled-run'])
      expect(metrics).toContain(`the0_queue_jobs{queue="${queue}",state="waiting"`);
  });
});

describe('a bot-scheduler that starts while the engine is away', () => {
  it('records and queues its ticks, says in readiness what is missing, and runs them once it is there', async () => {
    await runs.stop();
    await ticks.stop();
    await planner.lifecycle.stop({ kind: 'request', why: 'another one takes over' });
    await engine.control.setUnavailable(true);
    const late = newBotId();
    const context = roleContext(options);
    context.health.start();
    const starting = startBotScheduler(context);
    try {
      const client = new MongoClient(servers.mongoUri);
      all = collections(client, servers.databases);
      const filePath = (await all.schedules.findOne({ id: scheduleId }))?.custom?.filePath ?? '';
      await all.schedules.insertOne(scheduleDocument({ id: late, filePath, cron: '* * * * * *' }));
      const queued = await until(() => all.runs.findOne({ scheduleId: late, state: 'queued' }));
      await until(() => all.runs.findOne({ scheduleId: late, state: 'skipped' }));
      await until(() => context.health.ready().reasons.some((reason) => reason.startsWith('engine:')));
      expect(context.health.ready().status).toBe('not-ready');
      await engine.control.setUnavailable(false);
      await starting;
      await finishRun(engine, all, queued._id, { exitCode: 0 });
      await runOf(all, queued._id, ({ state }) => state === 'succeeded');
      await until(() => context.health.ready().status !== 'not-ready');
      await client.close();
    } finally {
      await engine.control.setUnavailable(false);
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
      context.health.stop();
    }
  });
});
