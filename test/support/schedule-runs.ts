import { extract } from 'tar-stream';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { FakeEngine } from '../../infra/engine/fake/index.ts';
import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import { PATHS } from '../../processors/entrypoints/paths.ts';
import { tarOf } from '../../processors/entrypoints/tar.ts';
import { until } from './poll.ts';

/** Waits until the run's record passes the check, and returns it. */
export function runOf(
  { runs }: Pick<Collections, 'runs'>,
  runId: string,
  check: (run: Run) => boolean,
  timeoutMs = 15_000,
): Promise<Run> {
  return until(
    async () => {
      const run = await runs.findOne({ _id: runId });
      if (run !== null && check(run)) return run;
      throw new Error(`it is ${JSON.stringify(run)}`);
    },
    { timeoutMs, what: `the run ${runId}` },
  );
}

/** Waits until the schedule's status passes the check, and returns it. */
export function scheduleStatusOf(
  { scheduleStatus }: Pick<Collections, 'scheduleStatus'>,
  scheduleId: string,
  check: (status: ScheduleStatus) => boolean,
  timeoutMs = 15_000,
): Promise<ScheduleStatus> {
  return until(
    async () => {
      const status = await scheduleStatus.findOne({ _id: scheduleId });
      if (status !== null && check(status)) return status;
      throw new Error(`it is ${JSON.stringify(status)}`);
    },
    { timeoutMs, what: `the status of ${scheduleId}` },
  );
}

/** Containers of a schedule's runs that are up. */
export async function runContainers(engine: Engine, scheduleId: string): Promise<ContainerView[]> {
  const listed = await engine.list({ labels: { [LABEL.kind]: 'run', [LABEL.id]: scheduleId } });
  return listed.filter(({ state }) => state === 'running');
}

/** Waits for a run's container and ends it as its program would: with a result, and this exit code. */
export async function finishRun(
  engine: FakeEngine,
  collections: Pick<Collections, 'runs'>,
  runId: string,
  ending: { exitCode: number; result?: unknown; output?: string },
): Promise<void> {
  const { containerId = '' } = await runOf(collections, runId, ({ state }) => state === 'running');
  await until(async () => (await engine.inspect(containerId))?.state === 'running');
  if (ending.output !== undefined) await engine.control.print(containerId, ending.output);
  if (ending.result !== undefined) {
    const content = Buffer.from(JSON.stringify(ending.result));
    await engine.writeArchive(
      containerId,
      PATHS.run,
      await tarOf([{ name: 'result.json', mode: 0o644, uid: 1000, gid: 1000, content }]),
    );
  }
  await engine.control.exit(containerId, ending.exitCode);
}

/** The configuration that a container was given. */
export async function configIn(engine: Engine, containerId: string): Promise<Record<string, unknown>> {
  const archive = await engine.readArchive(containerId, `${PATHS.run}/config.json`);
  let text = '';
  for await (const entry of archive.pipe(extract())) for await (const chunk of entry) text += String(chunk);
  return JSON.parse(text) as Record<string, unknown>;
}
