import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine, type FakeProgram } from '../../infra/engine/fake/index.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, withProgram, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const fake: FakeEngine = createFakeEngine({ installation: servers.installation });
let program: FakeProgram = {};
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await fake.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine: withProgram(fake, () => program) });
  world.worker();
});

afterAll(() => world[Symbol.asyncDispose]());

beforeEach(async () => {
  program = { exitCode: 0, exitAfterMs: 50 };
  await fake.control.clearFaults();
});

const startsOf = async (scheduleId: string): Promise<number> =>
  (await fake.control.ledger()).filter((entry) => entry.botId === scheduleId && entry.type === 'started')
    .length;

it('a start that the engine refuses is taken back and tried again, and is no failed attempt', async () => {
  program = { startError: 'the network is not found' };
  const scheduleId = await world.schedule();
  const runId = await world.run(scheduleId);
  const waiting = await world.untilRun(runId, (run) => (run.preparation?.failures ?? 0) >= 2);
  expect(waiting.reason).toMatch(/^It could not be started: the network is not found \(tried \d times\)/);
  expect(waiting).toMatchObject({ attempt: 1, attempts: [] });
  expect(waiting).not.toHaveProperty('startedAt');
  program = { exitCode: 0 };
  expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  expect(await startsOf(scheduleId)).toBe(1);
});

it('a start whose answer is lost is not made twice', async () => {
  await fake.control.failNext({ call: 'start', error: 'unavailable', when: 'after' });
  const scheduleId = await world.schedule();
  const runId = await world.run(scheduleId);
  expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  expect(await startsOf(scheduleId)).toBe(1);
});

it('a start that never reached the engine is made once that is settled', async () => {
  await fake.control.failNext({ call: 'start', error: 'unavailable', when: 'before' });
  const scheduleId = await world.schedule();
  const runId = await world.run(scheduleId);
  expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 1 });
  expect(await startsOf(scheduleId)).toBe(1);
});

it('a run that was announced, never started and cancelled, does not start any more', async () => {
  await fake.control.failNext({ call: 'start', error: 'unavailable', when: 'before' });
  const scheduleId = await world.schedule();
  const runId = await world.run(scheduleId);
  await world.untilRun(runId, ({ state }) => state === 'running');
  await world.services.collections.runs.updateOne(
    { _id: runId },
    { $set: { cancel: { who: 'ann', why: 'enough', at: new Date() } } },
  );
  const run = await world.untilRun(runId, ({ state }) => state === 'cancelled');
  expect(run.reason).toBe('Cancelled by ann (enough) before it started.');
  expect(await startsOf(scheduleId)).toBe(0);
  await until(async () => (await world.container(runId)) === undefined);
});

it('a run that ignores SIGTERM at its deadline is killed', async () => {
  program = { onTerm: 'ignore' };
  const runId = await world.run(await world.schedule({ timeout: '1s' }));
  const run = await world.untilRun(runId, ({ state }) => state === 'timed-out');
  expect(run).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
  expect(run.reason).toBe(
    'It ran for longer than its timeout of 1 s. It did not end when asked and was killed.',
  );
});

it('a run that is stopped at its deadline is tried again, but not once it left with 0, which says that its work is done', async () => {
  program = {};
  const runId = await world.run(await world.schedule({ timeout: '1s', retries: { count: 2, delay: '1s' } }));
  await world.untilRun(runId, ({ state }) => state === 'retrying');
  program = { onTerm: { exitCode: 0 } };
  const run = await world.untilRun(runId, ({ open }) => open === undefined);
  expect(run).toMatchObject({
    state: 'timed-out',
    reason:
      'It ran for longer than its timeout of 1 s. It left with exit code 0 after SIGTERM, so it is not tried again.',
    attempt: 2,
    exitCode: 0,
    attempts: [{ attempt: 1, outcome: 'timed-out', exitCode: 143 }],
  });
});

describe('a further attempt', () => {
  const setConfig = (scheduleId: string, field: string, value: unknown) =>
    world.services.collections.schedules.updateOne({ id: scheduleId }, { $set: { [field]: value } });

  it.each([
    ['config', 'config.symbol', 'ETH'],
    ['code', 'custom.filePath', 'owner/newer/2.0.0'],
    ['entry point', 'custom.config.entrypoints.bot', 'other.py'],
  ])('is not made with another %s than the first had', async (_what, field, value) => {
    program = { exitCode: 3, exitAfterMs: 50 };
    const scheduleId = await world.schedule({ symbol: 'BTC', retries: { count: 2, delay: '1s' } });
    const runId = await world.run(scheduleId);
    await world.untilRun(runId, ({ state }) => state === 'retrying');
    await setConfig(scheduleId, field, value);
    expect(await world.untilRun(runId, ({ state }) => state === 'failed')).toMatchObject({
      reason: 'Not tried again: its configuration or code changed after attempt 1.',
      attempt: 1,
      attempts: [{ attempt: 1, exitCode: 3 }],
    });
    expect(await startsOf(scheduleId)).toBe(1);
  });

  it('is made although its schedule is to run at other times by now', async () => {
    program = { exitCode: 3, exitAfterMs: 50 };
    const scheduleId = await world.schedule({ retries: { count: 1, delay: '1s' } });
    const runId = await world.run(scheduleId);
    await world.untilRun(runId, ({ state }) => state === 'retrying');
    await setConfig(scheduleId, 'config.schedule', '0 0 2 2 *');
    program = { exitCode: 0 };
    expect(await world.untilRun(runId, ({ state }) => state === 'succeeded')).toMatchObject({ attempt: 2 });
  });
});

it('a pull that takes long holds up no other run, shows in the record, and ends with the run that wants it', async () => {
  await fake.control.addToRegistry('node:20-slim');
  await fake.control.setLatency('pullImage', 60_000);
  const scheduleId = await world.schedule();
  await world.services.collections.schedules.updateOne(
    { id: scheduleId },
    { $set: { 'custom.config.runtime': 'nodejs20' } },
  );
  const runId = await world.run(scheduleId);
  const waiting = await world.untilRun(runId, ({ reason }) => reason.startsWith('Waiting'));
  expect(waiting.reason).toBe('Waiting: the image node:20-slim is being pulled.');
  const other = await world.run(await world.schedule());
  // Both long before the pull would be done.
  await world.untilRun(other, ({ state }) => state === 'succeeded');
  await world.services.collections.runs.updateOne(
    { _id: runId },
    { $set: { cancel: { who: 'ann', why: 'too slow', at: new Date() } } },
  );
  expect(await world.untilRun(runId, ({ state }) => state === 'cancelled')).toMatchObject({
    reason: 'Cancelled by ann (too slow) before it started.',
  });
});

it('an engine that is away for a while costs a run nothing but time', async () => {
  program = {};
  const runId = await world.run(await world.schedule());
  const name = await world.untilUp(runId);
  await fake.control.setUnavailable(true);
  await fake.control.exit(name, 5);
  await sleep(1_500);
  expect((await world.record(runId)).state).toBe('running');
  await fake.control.setUnavailable(false);
  expect(await world.untilRun(runId, ({ state }) => state === 'failed')).toMatchObject({ exitCode: 5 });
});

it('what could not be removed at once is removed later, and the run is over all the same', async () => {
  await fake.control.failNext({ call: 'removeVolume', error: 'failed' });
  const runId = await world.run(await world.schedule());
  await world.untilRun(runId, ({ state }) => state === 'succeeded');
  await until(async () => (await world.launchVolumes(runId)).length === 0);
});

it('a record that was opened again runs as a further attempt, with retries of its own', async () => {
  program = { exitCode: 3 };
  const scheduleId = await world.schedule({ retries: { count: 1, delay: '1s' } });
  const runId = await world.run(scheduleId);
  await world.untilRun(runId, ({ state }) => state === 'failed');
  await until(async () => (await world.status(scheduleId)).line.length === 0);
  const { collections, scheduleQueues } = world.services;
  // As a backfill does it.
  await collections.runs.updateOne(
    { _id: runId },
    {
      $set: { state: 'queued', open: true, cause: 'backfill by ann: again', reason: 'It waits.' },
      $unset: { exitCode: '', processor: '' },
    },
  );
  await collections.schedules.updateOne({ id: scheduleId }, { $set: { enabled: false } });
  await collections.scheduleStatus.updateOne({ _id: scheduleId }, { $push: { line: runId } });
  await scheduleQueues.addRuns([{ runId, cause: 'backfill by ann: again' }]);
  await world.untilRun(runId, (run) => run.state === 'retrying' && run.attempt === 3);
  program = { exitCode: 0 };
  const run = await world.untilRun(runId, ({ state }) => state === 'succeeded');
  expect(run).toMatchObject({ attempt: 4, limits: { firstAttempt: 3 } });
  expect(run.attempts.map(({ attempt }) => attempt)).toEqual([1, 3]);
});
