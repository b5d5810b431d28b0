import { expect, it } from 'vitest';
import { createFakeEngine, FakeHost } from '../../infra/engine/fake/index.ts';
import type { ContainerSpec } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { runContainerName } from '../../model/names.ts';
import { endRunsByThemselves, watchFakeRuns } from './chaos-schedule-history.ts';
import { until } from './poll.ts';

const INSTALLATION = 't-history';
const REFERENCE = 'python:3.11-slim';
const RUN = 'b_1@20261124T100000Z';

const spec = (name: string, kind: ContainerSpec['kind'], id: string, image: string): ContainerSpec => ({
  name,
  kind,
  image,
  command: ['sleep', 'infinity'],
  workingDir: '/',
  env: {},
  labels: { [LABEL.id]: id },
  limits: {
    memoryBytes: 64 * 1024 * 1024,
    cpus: 1,
    cpuShares: 512,
    pids: 256,
    nofile: 4096,
    nproc: 65_536,
    shmBytes: 16 * 1024 * 1024,
  },
  volumes: [],
  tmpfs: [],
  network: 'none',
});

it('runs end by themselves, bots run on, and the history has the runs alone', async () => {
  const host = new FakeHost({ images: [REFERENCE] });
  const engine = createFakeEngine({ installation: INSTALLATION, host });
  const watch = watchFakeRuns(engine);
  const exitCode = (scheduleId: string): number => (scheduleId === 'b_1' ? 3 : 0);
  endRunsByThemselves(host, { minMs: 5, maxMs: 10, random: () => 0.5, exitCode });
  const image = host.resolveImage(REFERENCE) ?? '';
  const run = await engine.create(spec(runContainerName(INSTALLATION, RUN), 'run', 'b_1', image));
  const bot = await engine.create(spec(`${INSTALLATION}_bot_b2`, 'bot', 'b2', image));
  await engine.start(bot);
  await engine.start(run);
  expect(await engine.wait(run)).toEqual({ exitCode: 3 });
  await until(async () => (await engine.inspect(bot))?.state === 'running');
  const base = { scheduleId: 'b_1', runId: RUN, containerId: run };
  expect(await watch.stop()).toEqual([
    { ...base, type: 'started', atMs: expect.any(Number) as number },
    { ...base, type: 'ended', atMs: expect.any(Number) as number, exitCode: 3 },
  ]);
});
