import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOverlaps } from '../../infra/engine/fake/index.ts';
import { runContainerName } from '../../model/names.ts';
import type { Run } from '../../model/runs.ts';
import { servedEngine, type ServedEngine } from '../support/chaos-servers.ts';
import { openWorld, type Child, type World } from '../support/chaos-world.ts';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { openRunsWorld, type RunsWorld } from './runs-world.ts';

const servers = testServers();
let fake: ServedEngine;
let children: World;
let world: RunsWorld<ServedEngine['engine']>;

beforeAll(async () => {
  fake = await servedEngine(servers.installation);
  children = await openWorld({ servers, engine: fake.engine, engineUrl: fake.url });
  world = await openRunsWorld({ servers, engine: fake.engine });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await children[Symbol.asyncDispose]();
  expect(findOverlaps(await fake.engine.control.ledger())).toEqual([]);
  await fake[Symbol.asyncDispose]();
});

it('a processor killed with -9 loses only the watch: the next one finds the run and waits on, within 10 s', async () => {
  const [first, second]: [Child, Child] = [
    await children.spawn('processor'),
    await children.spawn('processor'),
  ];
  const scheduleIds = await Promise.all(Array.from({ length: 6 }, () => world.schedule()));
  const runIds = await Promise.all(scheduleIds.map((id) => world.run(id)));
  const before = await Promise.all(
    runIds.map((runId) => world.untilRun(runId, ({ state }) => state === 'running')),
  );
  await Promise.all(runIds.map((runId) => world.untilUp(runId)));

  const isOf = ({ processor = '' }: Run, child: Child): boolean => processor.includes(`:${child.pid}:`);
  expect(before.filter((run) => isOf(run, first) || isOf(run, second))).toHaveLength(runIds.length);
  // Timed for each from its own end: how long another process takes to start is no part of it.
  const succeededWithinMs = async (killed: Child): Promise<number> => {
    const runs = await Promise.all(runIds.map((runId) => world.record(runId)));
    const killedAtMs = performance.now();
    killed.kill('SIGKILL');
    await Promise.all(
      runs
        .filter((run) => isOf(run, killed))
        .map(({ _id, processor }) => world.untilRun(_id, (run) => run.processor !== processor)),
    );
    return performance.now() - killedAtMs;
  };
  const [successor, afterFirstMs] = await Promise.all([
    children.spawn('processor'),
    succeededWithinMs(first),
  ]);
  expect(afterFirstMs).toBeLessThan(10_000);
  expect(await succeededWithinMs(second)).toBeLessThan(10_000);

  for (const runId of runIds)
    await fake.engine.control.exit(runContainerName(servers.installation, runId), 0);
  const after = await Promise.all(
    runIds.map((runId) => world.untilRun(runId, ({ open }) => open === undefined)),
  );
  expect(after.map(({ state, attempt }) => [state, attempt])).toEqual(runIds.map(() => ['succeeded', 1]));
  expect(after.map(({ containerId }) => containerId)).toEqual(before.map(({ containerId }) => containerId));
  const ledger = await fake.engine.control.ledger();
  for (const id of scheduleIds)
    expect(ledger.filter((entry) => entry.botId === id && entry.type === 'started')).toHaveLength(1);
  await until(async () => (await world.services.collections.runs.countDocuments({ open: true })) === 0);
  await until(async () => (await fake.engine.list()).length === 0);
  successor.kill('SIGTERM');
}, 120_000);
