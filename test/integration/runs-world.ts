import { randomBytes } from 'node:crypto';
import { launching } from '../../cli/roles/launching.ts';
import { openServices, type Services } from '../../cli/roles/services.ts';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { fakeProgram, type FakeEngine, type FakeProgram } from '../../infra/engine/fake/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { runContainerName, runLaunchVolumeName } from '../../model/names.ts';
import { runIdOf, type FinalRunState, type Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { LauncherDeps } from '../../processors/launch.ts';
import type { RunDeps } from '../../processors/runs/pass.ts';
import { Semaphore } from '../../processors/semaphore.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import { createRunWorker, runDeps } from '../../processors/runs/run-worker.ts';
import { botDocument, newBotId, uploadCode } from '../support/bots.ts';
import { until } from '../support/poll.ts';
import { roleContext } from '../support/runner.ts';
import type { TestServers } from '../support/servers.ts';

export type NewRun = Partial<Run> & { enqueue?: boolean };

export type RunsWorld<E extends Engine> = AsyncDisposable & {
  readonly servers: TestServers;
  readonly engine: E;
  readonly services: Services;
  readonly starts: LauncherDeps;
  readonly filePath: string;
  /** Final states in the order in which handlers of this process wrote them. */
  readonly ended: FinalRunState[];
  /** A schedule that never ticks by itself, with a status whose line is empty. */
  schedule(config?: Record<string, unknown>, over?: { entry?: string; filePath?: string }): Promise<string>;
  /** A run on record and at the end of its schedule's line, and on the queue. */
  run(scheduleId: string, over?: NewRun): Promise<string>;
  worker(options?: {
    concurrency?: number;
    owner?: string;
    runs?: Services['collections']['runs'];
  }): RoleWorker;
  deps(over?: {
    engine?: Engine;
    runs?: Services['collections']['runs'];
    owner?: string;
    log?: Logger;
  }): RunDeps;
  record(runId: string): Promise<Run>;
  status(scheduleId: string): Promise<ScheduleStatus>;
  untilRun(runId: string, check: (run: Run) => boolean, timeoutMs?: number): Promise<Run>;
  container(runId: string): ReturnType<Engine['inspect']>;
  /** Waits until the run's container runs, and resolves with its name. */
  untilUp(runId: string): Promise<string>;
  launchVolumes(runId: string): Promise<string[]>;
};

export async function openRunsWorld<E extends Engine>(options: {
  servers: TestServers;
  engine: E;
  environment?: Readonly<Record<string, string>>;
  code?: Readonly<Record<string, string>>;
}): Promise<RunsWorld<E>> {
  const { servers, engine } = options;
  const context = roleContext({ environment: { ...servers.environment, ...options.environment }, engine });
  const services = await openServices(context);
  const starts = await launching(context, services);
  const { collections, scheduleQueues } = services;
  const filePath = await uploadCode(
    servers,
    options.code ?? { 'main.py': 'def main(bot_id, config):\n    pass\n' },
  );
  const workers: RoleWorker[] = [];
  const ended: FinalRunState[] = [];
  let minute = 0;

  const world: RunsWorld<E> = {
    servers,
    engine,
    services,
    starts,
    filePath,
    ended,
    async schedule(config = {}, over = {}) {
      const id = newBotId();
      await collections.schedules.insertOne(
        botDocument(id, { filePath, config: { schedule: '0 0 1 1 *', ...config }, ...over }),
      );
      await collections.scheduleStatus.insertOne({
        _id: id,
        phase: 'active',
        reason: '',
        since: new Date(),
        updatedAt: new Date(),
        line: [],
        failuresInRow: 0,
      });
      return id;
    },
    async run(scheduleId, { enqueue = true, ...over } = {}) {
      minute += 1;
      const nominal = over.nominal ?? new Date(Date.UTC(2026, 0, 1, 0, minute));
      const now = new Date();
      const run: Run = {
        _id: runIdOf(scheduleId, nominal),
        scheduleId,
        kind: 'tick',
        nominal,
        due: nominal,
        state: 'queued',
        reason: 'It waits for a processor.',
        cause: 'tick',
        open: true,
        createdAt: now,
        updatedAt: now,
        attempt: 0,
        attempts: [],
        ...over,
      };
      await collections.runs.insertOne(run);
      await collections.scheduleStatus.updateOne({ _id: scheduleId }, { $push: { line: run._id } });
      if (enqueue) await scheduleQueues.addRuns([{ runId: run._id, cause: run.cause }]);
      return run._id;
    },
    worker({ concurrency = 20, owner = context.owner, runs = collections.runs } = {}) {
      const worker = createRunWorker({
        connection: services.workerRedis(),
        concurrency,
        launching: starts,
        collections: { ...collections, runs },
        queues: scheduleQueues,
        operator: scheduleOperator(context.settings),
        owner,
        now: () => services.clock.now(),
        log: context.log,
        onOutcome: () => undefined,
        onError: () => undefined,
        onRunEnded: (state) => ended.push(state),
      });
      worker.start();
      workers.push(worker);
      return worker;
    },
    deps({ engine: own = engine, runs = collections.runs, owner, log = context.log } = {}) {
      return runDeps({
        // A process of its own, as far as the engine can tell: whoever dies takes its places with it.
        launching: { ...starts, engine: own, slots: new Semaphore(4) },
        collections: { ...collections, runs },
        queues: scheduleQueues,
        operator: scheduleOperator(context.settings),
        owner: owner ?? `owner-${randomBytes(2).toString('hex')}`,
        now: () => services.clock.now(),
        log,
        onRunEnded: (state) => ended.push(state),
      });
    },
    async record(runId) {
      const run = await collections.runs.findOne({ _id: runId });
      if (run === null) throw new Error(`There is no run ${runId}`);
      return run;
    },
    async status(scheduleId) {
      const status = await collections.scheduleStatus.findOne({ _id: scheduleId });
      if (status === null) throw new Error(`There is no status of ${scheduleId}`);
      return status;
    },
    untilRun(runId, check, timeoutMs = 15_000) {
      let seen: Run | undefined;
      return until(
        async () => {
          seen = await world.record(runId);
          if (check(seen)) return seen;
          throw new Error(`the run is ${JSON.stringify(seen)}`);
        },
        { timeoutMs, what: `run ${runId}` },
      );
    },
    container: (runId) => engine.inspect(runContainerName(servers.installation, runId)),
    async untilUp(runId) {
      await until(async () => (await world.container(runId))?.state === 'running', {
        what: `the container of ${runId}`,
        timeoutMs: 20_000,
      });
      return runContainerName(servers.installation, runId);
    },
    async launchVolumes(runId) {
      const name = runLaunchVolumeName(servers.installation, runId);
      return (await engine.listVolumes()).map((volume) => volume.name).filter((found) => found === name);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop(5_000)));
      await context.lifecycle.stop({ kind: 'request', why: 'the test is over' });
    },
  };
  return world;
}

/** The same engine, on which runs are this program instead of their code. */
export function withProgram(engine: FakeEngine, program: () => FakeProgram): FakeEngine {
  return {
    ...engine,
    create: (spec, options) =>
      engine.create(spec.kind === 'run' ? { ...spec, command: fakeProgram(program()) } : spec, options),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
