import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDockerEngine } from '../../infra/engine/docker/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import { removeAll } from '../support/engine.ts';
import { until } from '../support/poll.ts';
import { testEngine, testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const SLOW_MS = 60_000;

const CODE = {
  'main.py': `
import json, os, sys, time

def main(bot_id, config):
    print("hello from", bot_id, flush=True)
    mode = config.get("mode")
    seen = "/state/seen"
    before = open(seen).read() if os.path.exists(seen) else ""
    with open(seen, "a") as file:
        file.write("x")
    if mode == "fail":
        print("no such symbol", file=sys.stderr, flush=True)
        sys.exit(3)
    if mode == "sleep":
        time.sleep(600)
    if mode == "stubborn":
        import signal
        signal.signal(signal.SIGTERM, lambda *_: None)
        while True:
            time.sleep(1)
    with open("result.json", "w") as file:
        json.dump({"profit": 5, "runsBefore": len(before), "type": os.environ["BOT_TYPE"]}, file)
`,
};

const servers = testServers();
let engine: Engine;
let world: RunsWorld<Engine>;
let worker: RoleWorker;

beforeAll(async () => {
  const log = createLogger({ level: 'silent', service: 'test' });
  engine = createDockerEngine({ installation: servers.installation, dockerHost: testEngine(), log });
  world = await openRunsWorld({ servers, engine, code: CODE });
  worker = world.worker({ owner: 'first' });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  expect(await engine.list()).toEqual([]);
  await removeAll(engine);
  await engine[Symbol.asyncDispose]();
});

it(
  'runs of a real bot leave exit, output and result, share their state, and nothing else stays',
  async () => {
    const scheduleId = await world.schedule();
    for (const runsBefore of [0, 1]) {
      const runId = await world.run(scheduleId);
      const run = await world.untilRun(runId, ({ open }) => open === undefined, SLOW_MS);
      expect(run).toMatchObject({
        state: 'succeeded',
        exitCode: 0,
        result: { profit: 5, runsBefore, type: 'scheduled' },
        lastOutput: [`hello from ${scheduleId}`],
      });
      await until(async () => (await world.launchVolumes(runId)).length === 0, { timeoutMs: SLOW_MS });
    }
    expect(await engine.list({ labels: { [LABEL.kind]: 'run' } })).toEqual([]);
  },
  SLOW_MS,
);

it(
  'a real failure is tried again as asked, in a container of its own, with the output and the exit of each',
  async () => {
    const scheduleId = await world.schedule({ mode: 'fail', retries: { count: 1, delay: '1s' } });
    const runId = await world.run(scheduleId);
    const first = await world.untilRun(runId, ({ state }) => state === 'retrying', SLOW_MS);
    expect(first).toMatchObject({
      exitCode: 3,
      lastOutput: expect.arrayContaining(['no such symbol']) as unknown,
    });
    const run = await world.untilRun(runId, ({ open }) => open === undefined, SLOW_MS);
    expect(run).toMatchObject({
      state: 'failed',
      attempt: 2,
      exitCode: 3,
      attempts: [{ attempt: 1, exitCode: 3 }],
    });
    expect(run.containerId).not.toBe(first.containerId);
  },
  SLOW_MS,
);

it(
  'a real run is stopped at its deadline, and killed where it does not heed that',
  async () => {
    // Counted from before the container starts: by then Python has to be up, and the bot has to have set its handler.
    const [polite, stubborn] = await Promise.all([
      world.schedule({ mode: 'sleep', timeout: '8s' }).then((id) => world.run(id)),
      world.schedule({ mode: 'stubborn', timeout: '8s' }).then((id) => world.run(id)),
    ]);
    const ended = await world.untilRun(polite, ({ open }) => open === undefined, SLOW_MS);
    expect(ended).toMatchObject({ state: 'timed-out', exitCode: 0 });
    const killed = await world.untilRun(stubborn, ({ open }) => open === undefined, SLOW_MS);
    expect(killed).toMatchObject({ state: 'timed-out', exitCode: 137, signal: 'SIGKILL' });
  },
  SLOW_MS,
);

it(
  'a real run goes on while its processor is replaced, and can be cancelled under the next',
  async () => {
    const scheduleId = await world.schedule({ mode: 'sleep' });
    const runId = await world.run(scheduleId);
    await world.untilUp(runId);
    const before = await world.untilRun(runId, ({ state }) => state === 'running');
    await worker.stop(5_000);
    const container = await world.container(runId);
    expect(container).toMatchObject({ id: before.containerId, state: 'running' });
    world.worker({ owner: 'next' });
    await world.untilRun(runId, ({ processor }) => processor?.startsWith('next/') ?? false);
    await world.services.collections.runs.updateOne(
      { _id: runId },
      { $set: { cancel: { who: 'ann', why: 'enough', at: new Date() } } },
    );
    const run = await world.untilRun(runId, ({ open }) => open === undefined, SLOW_MS);
    expect(run).toMatchObject({ state: 'cancelled', containerId: before.containerId, attempts: [] });
    await until(async () => (await world.container(runId)) === undefined, { timeoutMs: SLOW_MS });
  },
  SLOW_MS,
);
