import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunDetails, RunView } from '../../producers/control/run-list/view.ts';
import type { ScheduleView } from '../../producers/control/schedule-list/view.ts';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { CliProcess, runCli, type Outcome } from '../support/cli.ts';
import { until } from '../support/poll.ts';
import { startTestScheduler, type TestRunner } from '../support/runner.ts';
import { configIn, finishRun, runOf, scheduleStatusOf } from '../support/schedule-runs.ts';
import { ownNats, testServers } from '../support/servers.ts';

/** The whole way, from the command line to a run's result, with the engine's containers played by the test. */
const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const ID = 'rebalance-1';
let nats: RunningServer;
let environment: Record<string, string>;
let scheduler: TestRunner;
let all: Collections;
let base = '';
let folder = '';

const cli = (...args: string[]): Promise<Outcome> => runCli(args, environment);

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli(...args, '--json');
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const instance = (over: Record<string, unknown>): Promise<void> =>
  writeFile(join(folder, 'config.json'), JSON.stringify({ symbol: 'BTC', apiKey: 'canary-7f3a', ...over }));

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'cli-schedules-'));
  folder = join(base, 'bot');
  await mkdir(folder);
  await writeFile(
    join(folder, 'bot-config.yaml'),
    `name: cli-${servers.installation}\nversion: 1.0.0\ntype: scheduled\nruntime: python3.11\nentrypoints: {bot: main.py}\n`,
  );
  await writeFile(join(folder, 'main.py'), 'def main(bot_id, config): pass\n');
  nats = await ownNats();
  environment = { ...servers.environment, NATS_URL: nats.url, CHECK_INTERVAL: '1s' };
  await engine.control.addImage('python:3.11-slim');
  scheduler = await startTestScheduler({ environment, engine });
  all = scheduler.services.collections;
});

afterAll(async () => {
  await scheduler?.stop();
  await nats?.stop();
  await rm(base, { recursive: true, force: true });
});

describe('a schedule, from the command line', () => {
  it('is refused where it could not run, each field with what is wrong', async () => {
    await instance({ schedule: '0 25 * * *', timezone: 'Europe/Belrin', overlap: 'forbidd' });
    const { code, stderr } = await cli('deploy', folder, '--id', ID);
    expect(code).toBe(1);
    expect(stderr).toContain('config.schedule is "0 25 * * *"');
    expect(stderr).toContain('config.timezone is');
    expect(stderr).toContain('did you mean "forbid"?');
  });

  it('is deployed, announced as the platform does, and becomes active with its next time', async () => {
    await instance({ schedule: '0 0 1 1 *', timezone: 'Europe/Berlin' });
    const { code, stdout } = await cli('deploy', folder, '--id', ID);
    expect(code).toBe(0);
    expect(stdout).toContain(`npx the0-runtime schedules show ${ID}`);
    await scheduleStatusOf(all, ID, ({ phase }) => phase === 'active');
    const [view] = await json<ScheduleView[]>('schedules');
    expect(view).toMatchObject({
      id: ID,
      phase: 'active',
      enabled: true,
      schedule: '0 0 1 1 *',
      zone: 'Europe/Berlin',
      lastRun: null,
      policy: { overlap: { policy: 'forbid', max: 1 } },
    });
    // Written once the status is.
    const said = await until(async () => (await all.schedules.findOne({ id: ID }))?.next_execution_time);
    expect(said).toBe(Date.parse(view?.next ?? '') / 1000);
    expect(await json('bots')).toEqual([]);
    const table = await cli('schedules');
    expect(table.stdout).toMatch(
      /ID +NAME +PHASE +SCHEDULE +ZONE +NEXT[^]*rebalance-1 .* active +0 0 1 1 \*/,
    );
    expect(table.stdout).not.toContain('canary-7f3a');
  });

  it('is previewed in its zone and in UTC, and so is any cron text', async () => {
    const own = await json<{ zone: string; times: { utc: string; zoneTime: string }[] }>(
      'schedules',
      'preview',
      ID,
      '--count',
      '2',
    );
    expect(own.times).toHaveLength(2);
    expect(own.times[0]?.utc).toMatch(/-12-31T23:00:00.000Z$/);
    expect(own.times[0]?.zoneTime).toMatch(/-01-01 00:00:00 \+01:00$/);
    const any = await cli('schedules', 'preview', '--cron', '*/5 * * * *', '--zone', 'Asia/Kolkata');
    expect(any.stdout).toMatch(/IN Asia\/Kolkata +IN UTC[^]*\+05:30/);
  });
});

describe('run-now', () => {
  it('runs with an override, waits for the end, and shows the result', async () => {
    const override = join(base, 'override.json');
    await writeFile(override, '{"symbol":"ETH","apiKey":"canary-override"}');
    const args = ['run-now', ID, '--request', 'r1', '--why', 'month end', '--config', override];
    await using waiting = new CliProcess([...args, '--wait'], environment);
    const runId = `${ID}@now-r1`;
    const running = await runOf(all, runId, ({ state }) => state === 'running');
    expect(await configIn(engine, running.containerId ?? '')).toMatchObject({ symbol: 'ETH' });
    const again = await cli(...args);
    expect(again.stdout).toMatch(/was asked for before; it is running/);
    await finishRun(engine, all, runId, { exitCode: 0, result: { trades: 2 }, output: 'traded\n' });
    const outcome = await waiting.ended;
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('asked for rebalance-1@now-r1');
    expect(outcome.stdout).toContain('"trades": 2');
    expect(outcome.stdout).toMatch(/overridden +symbol, apiKey/);
    expect(outcome.stdout).not.toContain('canary-override');

    const details = await json<RunDetails>('runs', 'show', runId);
    expect(details).toMatchObject({
      state: 'succeeded',
      kind: 'manual',
      exitCode: 0,
      result: { trades: 2 },
      lastOutput: ['traded'],
      request: { id: 'r1', why: 'month end', overridden: ['symbol', 'apiKey'] },
    });
    expect(details.cause).toMatch(/^run now by .+@.+: month end$/);
  });

  it('fails where the run fails', async () => {
    await using waiting = new CliProcess(['run-now', ID, '--request', 'r2', '--wait', '--json'], environment);
    await finishRun(engine, all, `${ID}@now-r2`, { exitCode: 3 });
    const outcome = await waiting.ended;
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('The run is failed: It crashed with exit code 3');
    expect(JSON.parse(outcome.stdout)).toMatchObject({ created: true, run: { state: 'failed' } });
  });
});

describe('runs', () => {
  it('are listed, the latest first, by schedule and by state', async () => {
    const runs = await json<RunView[]>('runs', ID);
    expect(runs.map(({ id, state }) => [id, state])).toEqual([
      [`${ID}@now-r2`, 'failed'],
      [`${ID}@now-r1`, 'succeeded'],
    ]);
    expect((await json<RunView[]>('runs', '--state', 'failed,timed-out')).map(({ id }) => id)).toEqual([
      `${ID}@now-r2`,
    ]);
    expect(await json<RunView[]>('runs', '--limit', '1')).toHaveLength(1);
    const { stdout } = await cli('runs', ID);
    expect(stdout).toMatch(/RUN +STATE +NOMINAL +TOOK +ATTEMPT +REASON[^]*1 succeeded, 1 failed/);
    const shown = await cli('schedules', 'show', ID);
    expect(shown.stdout).toMatch(/failed in a row +1[^]*@now-r2 +failed/);
  });

  it('are cancelled, once', async () => {
    await cli('run-now', ID, '--request', 'r3');
    await runOf(all, `${ID}@now-r3`, ({ state }) => state === 'running');
    const asked = await cli('runs', 'cancel', `${ID}@now-r3`, '--why', 'wrong day');
    expect(asked).toMatchObject({ code: 0 });
    expect(asked.stdout).toContain('is asked to end');
    const run = await runOf(all, `${ID}@now-r3`, ({ state }) => state === 'cancelled');
    expect(run.reason).toContain('wrong day');
    const over = await cli('runs', 'cancel', `${ID}@now-r3`, '--why', 'once more');
    expect(over).toMatchObject({ code: 1 });
    expect(over.stderr).toContain('is over already (cancelled)');
  });
});

describe('pause, resume and backfill', () => {
  it('hold the schedule and let it go on', async () => {
    const paused = await cli('schedules', 'pause', ID, '--why', 'audit');
    expect(paused.stdout).toContain(`paused ${ID}`);
    await scheduleStatusOf(all, ID, ({ phase }) => phase === 'paused');
    const view = await json<ScheduleView>('schedules', 'show', ID);
    expect(view).toMatchObject({ phase: 'paused', next: null, hold: { why: 'audit' } });
    expect((await cli('schedules', 'pause', ID, '--why', 'too')).stdout).toMatch(
      /is paused already, by .*: audit/,
    );
    expect(await json('schedules', 'resume', ID)).toEqual({ id: ID, paused: false, changed: true });
    await scheduleStatusOf(all, ID, ({ phase }) => phase === 'active');
    expect((await cli('schedules', 'resume', ID)).stdout).toContain('was not paused');
  });

  it('show a backfill first, and say how to do it', async () => {
    const year = new Date().getUTCFullYear();
    const span = ['--from', `${year - 1}-12-31T00:00:00Z`, '--to', `${year}-01-02`];
    const dry = await cli('backfill', ID, ...span);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toContain('1 run\n');
    expect(dry.stdout).toContain('Nothing was done. To run these 1: npx the0-runtime backfill');
    expect(await all.runs.countDocuments({ kind: 'tick' })).toBe(0);
    expect(await cli('backfill', ID, ...span, '--yes')).toMatchObject({ code: 2 });

    const done = await json<{ dryRun: boolean; times: { run: string; begun: boolean }[] }>(
      'backfill',
      ID,
      ...span,
      '--why',
      'the books',
      '--yes',
    );
    expect(done).toMatchObject({ dryRun: false, times: [{ action: 'new', begun: true }] });
    const runId = done.times[0]?.run ?? '';
    await finishRun(engine, all, runId, { exitCode: 0 });
    await runOf(all, runId, ({ state }) => state === 'succeeded');
    const after = await cli('backfill', ID, ...span);
    expect(after.stdout).toContain('There is nothing to do.');
  });
});

describe('what goes wrong', () => {
  it.each([
    [['schedules', 'show', 'nobody'], 3, 'There is no schedule "nobody". See: npx the0-runtime schedules'],
    [['schedules', 'pause', 'nobody', '--why', 'x'], 3, 'There is no schedule "nobody"'],
    [['schedules', 'pause', ID], 2, '--why'],
    [['schedules', 'pause', ID, '--why', ' '], 2, '--why: The reason is empty: say why'],
    [['schedules', 'preview'], 2, 'give a cron text'],
    [['schedules', 'preview', ID, '--zone', 'UTC'], 2, '--zone goes with --cron'],
    [['schedules', 'preview', '--cron', '61 * * * *'], 2, '--cron is "61 * * * *"'],
    [['schedules', 'preview', '--cron', '* * * * *', '--zone', 'Nowhere/City'], 2, '--zone is'],
    [['schedules', 'preview', ID, '--count', 'many'], 2, 'whole number from 1 to 1000'],
    [['runs', 'nobody'], 3, 'There is no schedule "nobody"'],
    [['runs', 'show', 'nobody@now-1'], 3, 'There is no run "nobody@now-1". See: npx the0-runtime runs'],
    [['runs', 'cancel', 'nobody@now-1', '--why', 'x'], 3, 'There is no run'],
    [['runs', '--state', 'faild'], 2, 'There is no state "faild"; there are queued'],
    [['runs', '--limit', '0'], 2, 'whole number from 1'],
    [['run-now', 'nobody'], 3, 'There is no schedule "nobody"'],
    [['run-now', ID, '--request', 'a b'], 2, '--request: The request id "a b" cannot be used'],
    [['run-now', ID, '--config', '/nowhere.json'], 3, 'There is no configuration at /nowhere.json'],
    [['backfill', ID, '--from', '2026-01-01'], 2, '--to'],
    [['backfill', ID, '--from', '2026-01-01T10:00', '--to', 'now'], 2, 'a time with its zone'],
    [['backfill', ID, '--from', '2001-01-01', '--to', 'now'], 2, '--from: The span has'],
    [['backfill', ID, '--from', '2026-01-02', '--to', '2026-01-01'], 2, '--to: The span ends before'],
    [['processor', '--queues', 'schedule-tik'], 2, 'schedule-tick, scheduled-run'],
    [['bot-scheduler', '--check-interval', 'often'], 2, 'CHECK_INTERVAL="often"'],
  ])('%j exits with %d', async (args, code, message) => {
    const outcome = await cli(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toBe('');
  });

  it('a queue that is away keeps nobody from asking: it is on record', async () => {
    const away = { ...environment, REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stderr, stdout } = await runCli(['run-now', ID, '--request', 'r4'], away);
    expect(stderr).toContain('Redis cannot be reached (REDIS_URL');
    expect(code).toBe(0);
    expect(stdout).toContain(`asked for ${ID}@now-r4`);
    await finishRun(engine, all, `${ID}@now-r4`, { exitCode: 0 });
    await runOf(all, `${ID}@now-r4`, ({ state }) => state === 'succeeded');
  });

  it('an away MongoDB is said', async () => {
    const away = { ...environment, MONGO_URI: 'mongodb://127.0.0.1:1/' };
    for (const args of [['schedules'], ['runs'], ['run-now', ID]]) {
      const { code, stderr } = await runCli(args, away);
      expect(stderr).toContain('MongoDB cannot be reached (MONGO_URI');
      expect(code).toBe(4);
    }
  });
});

it('undeploy takes a schedule away by its own subject', async () => {
  const { stdout } = await cli('undeploy', ID);
  expect(stdout).toContain(`deleted ${ID}; it ticks no more`);
  await until(async () => (await all.schedules.findOne({ id: ID })) === null);
  await until(async () => (await json<ScheduleView[]>('schedules')).length === 0, { everyMs: 200 });
  expect((await json<RunView[]>('runs', ID)).length).toBeGreaterThan(3);
});
