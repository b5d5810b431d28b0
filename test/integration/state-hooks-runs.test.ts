import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { StartProblem } from '../../processors/errors.ts';
import type { HandlerResult } from '../../processors/job-worker.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import type { RunDeps } from '../../processors/runs/pass.ts';
import { RunSweep } from '../../processors/runs/sweep.ts';
import { testKeeping } from '../support/keeping.ts';
import { finishRun } from '../support/schedule-runs.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const keeping = testKeeping();
let world: RunsWorld<FakeEngine>;

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  Object.assign(keeping, { isAway: false, problem: undefined });
  keeping.onCall = async () => undefined;
  keeping.calls.length = 0;
});

function deps(): RunDeps {
  const made = world.deps();
  return { ...made, launching: { ...made.launching, keeping } };
}

const execute = (runId: string): Promise<HandlerResult> =>
  executeRun(deps(), { runId, cause: 'test' }, new AbortController().signal);

/** A run that leaves with this exit code; resolves with what its job ends as. */
async function ended(
  config: Record<string, unknown>,
  exitCode: number,
): Promise<{ runId: string; scheduleId: string; result: HandlerResult }> {
  const scheduleId = await world.schedule(config);
  const runId = await world.run(scheduleId, { enqueue: false });
  const working = execute(runId);
  await finishRun(engine, world.services.collections, runId, { exitCode });
  return { runId, scheduleId, result: await working };
}

describe('the end of a run', () => {
  it('is on record before output and state are kept, and its container goes after that', async () => {
    const seen: string[] = [];
    keeping.onCall = async (call) => {
      if (call.startsWith('restore')) return;
      const [run] = await world.services.collections.runs.find().sort({ createdAt: -1 }).limit(1).toArray();
      seen.push(`${run?.state} ${(await world.container(run?._id ?? ''))?.state}`);
    };
    const { runId, scheduleId } = await ended({}, 0);
    expect(keeping.calls.map((call) => call.split(' ')[0])).toEqual(['restore', 'output', 'state']);
    expect(keeping.calls.at(-1)).toBe(`state ${scheduleId}`);
    expect(seen).toEqual(['succeeded exited', 'succeeded exited']);
    expect(await world.container(runId)).toBeUndefined();
  });

  it('keeps nobody waiting for object storage: what is left is for the sweep', async () => {
    keeping.isAway = true;
    const { runId, result } = await ended({}, 0);
    expect(result).toMatchObject({ kind: 'done', outcome: 'succeeded' });
    expect((await world.container(runId))?.state).toBe('exited');

    const log = createLogger({ level: 'silent', service: 'test' });
    const { runs } = world.services.collections;
    const sweep = new RunSweep({ engine, runs, keeping, stopGraceMs: 200, log });
    expect(await sweep.sweep()).toEqual({ containers: 0, volumes: 0 });
    expect((await world.container(runId))?.state).toBe('exited');
    keeping.isAway = false;
    expect(await sweep.sweep()).toEqual({ containers: 1, volumes: 1 });
    expect(await world.container(runId)).toBeUndefined();
  });

  it('is no end of what it printed: a further attempt waits until that is saved', async () => {
    keeping.isAway = true;
    const { runId, result } = await ended({ retries: 1, retryDelay: 0 }, 7);
    expect(result).toMatchObject({ kind: 'again' });
    expect(await world.record(runId)).toMatchObject({ state: 'retrying', attempt: 1 });
    const container = await world.container(runId);
    expect(container?.state).toBe('exited');

    const { runs } = world.services.collections;
    await runs.updateOne({ _id: runId }, { $set: { nextAttemptAt: new Date(0) } });
    expect(await execute(runId)).toMatchObject({ kind: 'again', outcome: 'deferred' });
    expect(await world.record(runId)).toMatchObject({ state: 'preparing', attempt: 2 });
    expect((await world.record(runId)).reason).toContain('S3 is away');
    expect((await world.container(runId))?.id).toBe(container?.id);

    keeping.isAway = false;
    await runs.updateOne({ _id: runId }, { $set: { nextAttemptAt: new Date(0) } });
    const second = execute(runId);
    await world.untilRun(runId, ({ state }) => state === 'running');
    await finishRun(engine, world.services.collections, runId, { exitCode: 0 });
    expect(await second).toMatchObject({ kind: 'done', outcome: 'succeeded' });
    expect(keeping.calls).toContain(`output ${container?.id}`);
  });
});

describe('the start of a run', () => {
  it('is held back while its state cannot be had, and leaves no container', async () => {
    keeping.problem = new StartProblem('state_unavailable', 'S3 is away', { retryable: true });
    const runId = await world.run(await world.schedule(), { enqueue: false });
    expect(await execute(runId)).toMatchObject({ kind: 'again', outcome: 'deferred' });
    const run = await world.record(runId);
    expect(run.state).toBe('preparing');
    expect(run.reason).toContain('It could not be started: S3 is away');
    expect(await world.container(runId)).toBeUndefined();
  });

  it('fails where its state is too large', async () => {
    keeping.problem = new StartProblem('state_too_large', 'Its state takes 2Gi', { retryable: false });
    const runId = await world.run(await world.schedule(), { enqueue: false });
    expect(await execute(runId)).toMatchObject({ kind: 'failed' });
    expect(await world.record(runId)).toMatchObject({ state: 'failed', reason: 'Its state takes 2Gi' });
    expect(await world.container(runId)).toBeUndefined();
  });
});
