import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const HOUR_MS = 3_600_000;
const RETRY_DELAY_MS = 2_000;

let world: RunsWorld<FakeEngine> | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await world?.[Symbol.asyncDispose]();
});

it.each([
  ['is an hour ahead', undefined, HOUR_MS],
  ['is an hour behind', undefined, -HOUR_MS],
  ['jumps an hour ahead between two attempts', 'retrying', HOUR_MS],
  ['jumps an hour back while it runs', 'running', -HOUR_MS],
] as const)(
  'a run starts, is tried again after its delay and ends, though the processor’s Date %s',
  async (_title, jumpWhen, shiftMs) => {
    const servers = testServers();
    world = await openRunsWorld({
      servers,
      engine: createFakeEngine({ installation: servers.installation, engineId: 'fake-one' }),
    });
    child = fork(new URL('runs-handler.ts', import.meta.url).pathname, {
      env: {
        ...process.env,
        RUNS_SERVERS: JSON.stringify(servers),
        RUNS_ENGINE: 'fake-one',
      },
    });
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    expect(said).toBe('ready');
    // Gets the code: S3 itself answers nobody whose clock is wrong by more than a quarter of an hour.
    const warmUp = await world.run(await world.schedule());
    await world.untilRun(warmUp, ({ state }) => state === 'succeeded');
    if (jumpWhen === undefined) child.send(shiftMs);
    const began = new Date();
    const scheduleId = await world.schedule({ timeout: '1m', retries: { count: 1, delay: '2s' } });
    const runId = await world.run(scheduleId);
    if (jumpWhen !== undefined) {
      await world.untilRun(runId, ({ state }) => state === jumpWhen);
      child.send(shiftMs);
    }
    const run = await world.untilRun(runId, ({ open }) => open === undefined, 20_000);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2, attempts: [{ exitCode: 7 }] });
    const [first] = run.attempts;
    expect(first?.startedAt?.getTime()).toBeGreaterThan(began.getTime() - 1_000);
    // When an attempt ended the engine says, whose clock is the wrong one here; it ran for a second.
    const restMs = (run.startedAt?.getTime() ?? 0) - (first?.startedAt?.getTime() ?? 0) - 1_000;
    expect(restMs).toBeGreaterThanOrEqual(RETRY_DELAY_MS - 50);
    expect(run.endedAt?.getTime()).toBeLessThan(Date.now() + 1_000);
  },
);
