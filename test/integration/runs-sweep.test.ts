import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFakeEngine, type FakeEngine } from '../../infra/engine/fake/index.ts';
import { createLogger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { runLaunchVolumeName } from '../../model/names.ts';
import { RUN_LAUNCH_VOLUME } from '../../processors/bot-spec.ts';
import { executeRun } from '../../processors/runs/execute.ts';
import { RunSweep } from '../../processors/runs/sweep.ts';
import { testServers } from '../support/servers.ts';
import { Mortal } from './runs-mortal.ts';
import { testKeeping } from '../support/keeping.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
const engine: FakeEngine = createFakeEngine({ installation: servers.installation });
const lines: string[] = [];
let world: RunsWorld<FakeEngine>;
let sweeper: RunSweep;
let nowMs = Date.now();
const keeping = testKeeping();

beforeAll(async () => {
  await engine.control.addImage('python:3.11-slim');
  world = await openRunsWorld({ servers, engine });
  sweeper = new RunSweep({
    engine,
    runs: world.services.collections.runs,
    keeping,
    stopGraceMs: 200,
    now: () => nowMs,
    log: createLogger({ level: 'info', service: 'test', destination: { write: (line) => lines.push(line) } }),
  });
});

afterAll(() => world[Symbol.asyncDispose]());

/** A run whose handler is at its container, and stays there. */
async function watched(): Promise<string> {
  const runId = await world.run(await world.schedule(), { enqueue: false });
  const handler = new Mortal({ when: 'before', call: 'wait' });
  void executeRun(
    world.deps({ engine: handler.engine(engine) }),
    { runId, cause: 'test' },
    new AbortController().signal,
  );
  await handler.reached;
  return runId;
}

const recordEnd = (runId: string) =>
  world.services.collections.runs.updateOne(
    { _id: runId },
    { $set: { state: 'succeeded' }, $unset: { open: '' } },
  );

it('collects what runs that are over left, stopping what runs all the same, and leaves open runs alone', async () => {
  const [left, up, open] = [await watched(), await watched(), await watched()];
  await engine.control.exit((await world.container(left))?.id ?? '', 0);
  await recordEnd(left);
  await recordEnd(up);
  expect(await sweeper.sweep()).toEqual({ containers: 2, volumes: 2 });
  expect(await world.container(left)).toBeUndefined();
  expect(await world.container(up)).toBeUndefined();
  expect(lines.join('\n')).toContain('A run that is over runs again: it is stopped');
  expect(await world.container(open)).toMatchObject({ state: 'running' });
  expect(await world.launchVolumes(open)).toHaveLength(1);
  expect(await sweeper.sweep()).toEqual({ containers: 0, volumes: 0 });
});

it('leaves alone what a later attempt of a run made, and whose run is unknown, and tells of that once', async () => {
  const later = await watched();
  await world.services.collections.runs.updateOne({ _id: later }, { $set: { state: 'failed', attempt: 0 } });
  const unknown = await watched();
  await world.services.collections.runs.deleteOne({ _id: unknown });
  await sweeper.sweep();
  await sweeper.sweep();
  expect(await world.container(later)).toMatchObject({ state: 'running' });
  expect(await world.container(unknown)).toMatchObject({ state: 'running' });
  const told = lines.filter((line) => line.includes('not on record is left alone'));
  expect(told).toHaveLength(1);
});

it('collects launch volumes of unknown runs after a day, where no container uses them, and says so once', async () => {
  const unused = 'schedule@20200101T000000Z';
  const labels = (runId: string) => ({ [LABEL.kind]: RUN_LAUNCH_VOLUME, [LABEL.run]: runId });
  const unknown = await watched();
  const [inUse] = await world.launchVolumes(unknown);
  await world.services.collections.runs.deleteOne({ _id: unknown });
  const open = await watched();
  await engine.createVolume(runLaunchVolumeName(engine.installation, unused), labels(unused));
  const left = async () => (await engine.listVolumes(labels(unused))).length;
  expect(await sweeper.sweep()).toMatchObject({ volumes: 0 });
  nowMs = Date.now() + 25 * 3_600_000;
  expect(await left()).toBe(1);
  expect(await sweeper.sweep()).toMatchObject({ volumes: 1 });
  expect(await left()).toBe(0);
  expect(await world.launchVolumes(unknown)).toEqual([inUse]);
  expect(await world.launchVolumes(open)).toHaveLength(1);
  expect(await sweeper.sweep()).toMatchObject({ volumes: 0 });
  expect(lines.filter((line) => line.includes('not on record, older than a day, were removed'))).toHaveLength(
    1,
  );
});
