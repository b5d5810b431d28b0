import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunDetails, RunView } from '../../producers/control/run-list/view.ts';
import type { ScheduleView } from '../../producers/control/schedule-list/view.ts';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { RunningServer } from '../../infra/local/types.ts';
import { createLogger } from '../../infra/logger.ts';
import { CliProcess, runCli } from '../support/cli.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { ownNats, testEngine, testServers } from '../support/servers.ts';

/** The example schedule, on real servers and a real engine, by the real commands; the steps build on each other. */
const servers = testServers();
const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'python-rebalance');
const ID = 'rebalance';
let engine: Engine;
let nats: RunningServer;
let environment: Record<string, string>;
let scheduler: CliProcess;
let dir = '';

const start = (): CliProcess => new CliProcess(['bot-scheduler', '--check-interval', '2s'], environment);

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], environment);
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const ticks = async (): Promise<RunView[]> =>
  (await json<RunView[]>('runs', ID, '--limit', '100')).filter(({ kind }) => kind === 'tick');

/** The example's own instance, but more often and with what the test says. */
async function deploy(over: Record<string, unknown>): Promise<void> {
  const own = JSON.parse(await readFile(join(EXAMPLE, 'config.json'), 'utf8')) as Record<string, unknown>;
  const file = join(dir, 'config.json');
  await writeFile(file, JSON.stringify({ ...own, ...over }));
  await json('deploy', EXAMPLE, '--id', ID, '--config', file);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'schedules-'));
  engine = createDockerEngine({
    installation: servers.installation,
    dockerHost: testEngine(),
    log: createLogger({ level: 'silent', service: 'test' }),
  });
  nats = await ownNats();
  environment = { ...servers.environment, NATS_URL: nats.url, SCHEDULER_HEALTH_PORT: '0', STOP_GRACE: '2s' };
  scheduler = start();
});

afterAll(async () => {
  await scheduler?.[Symbol.asyncDispose]();
  await nats?.stop();
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

describe('the example schedule', () => {
  it('ticks: each time is one run that leaves its result and goes on with the state of the one before', async () => {
    await scheduler.says(/"msg":"ready"/);
    await deploy({ schedule: '*/5 * * * * *' });
    const runs = await until(
      async () => {
        const done = (await ticks()).filter(({ state }) => state === 'succeeded');
        return done.length >= 3 ? done : undefined;
      },
      { timeoutMs: 90_000, everyMs: 1_000 },
    );
    const nominals = runs.map(({ nominal }) => nominal);
    expect(new Set(nominals).size).toBe(nominals.length);
    const details = await Promise.all(runs.map(({ id }) => json<RunDetails>('runs', 'show', id)));
    for (const run of details)
      expect(run).toMatchObject({
        exitCode: 0,
        attempt: 1,
        result: { status: 'success', data: { trades: expect.any(Array) as unknown } },
      });
    const runsSeen = details
      .map(({ lastOutput }) => /"run": (\d+)/.exec(lastOutput.join('\n'))?.[1])
      .map(Number)
      .toReversed();
    expect(runsSeen).toEqual(runsSeen.map((_, index) => (runsSeen[0] ?? 0) + index));
  });

  it('runs on demand with other parameters, and fails as they say', async () => {
    const override = join(dir, 'override.json');
    await writeFile(override, '{"targets":{"BTC":0.9}}');
    await json('schedules', 'pause', ID, '--why', 'the test asks itself');
    const failed = await runCli(
      ['run-now', ID, '--config', override, '--why', 'wrong targets', '--wait'],
      environment,
    );
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('targets add up to 0.9, not to 1');
    const good = await runCli(['run-now', ID, '--wait'], environment);
    expect(good.code).toBe(0);
    expect(good.stdout).toContain('"status": "success"');
  });

  it('is cancelled while it runs, and leaves nothing behind', async () => {
    const before = await json<ScheduleView>('schedules', 'show', ID);
    expect(before.phase).toBe('paused');
    const { run } = await json<{ run: RunDetails }>('run-now', ID);
    await runCli(['runs', 'cancel', run.id, '--why', 'no need'], environment);
    const over = await until(
      async () => {
        const now = await json<RunDetails>('runs', 'show', run.id);
        return ['cancelled', 'succeeded'].includes(now.state) ? now : undefined;
      },
      { timeoutMs: 30_000, everyMs: 500 },
    );
    // It takes half a second: it may have been quicker.
    expect(over.cancel === null ? over.state : over.cancel.why).toMatch(/succeeded|no need/);
    await until(async () => (await engine.list({ labels: { 'the0.kind': 'run' } })).length === 0, {
      timeoutMs: 20_000,
    });
  });

  it('goes on after a restart of its process', async () => {
    scheduler.child.kill('SIGTERM');
    expect(await scheduler.ended).toMatchObject({ code: 0 });
    scheduler = start();
    await scheduler.says(/"msg":"ready"/);
    await json('schedules', 'resume', ID);
    const resumedAt = new Date().toISOString();
    await until(
      async () => (await ticks()).some(({ state, nominal }) => state === 'succeeded' && nominal > resumedAt),
      { timeoutMs: 60_000, everyMs: 1_000 },
    );
    const all = await ticks();
    expect(new Set(all.map(({ nominal }) => nominal)).size).toBe(all.length);
  });
});
