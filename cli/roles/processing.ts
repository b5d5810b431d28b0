import type { MongoLink } from '../../infra/mongo/connect.ts';
import type { ConvergeDeps } from '../../processors/converge.ts';
import { DesiredReader } from '../../processors/desired.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import { Launcher, type LauncherDeps } from '../../processors/launch.ts';
import { TransitionMetrics } from '../../processors/metrics.ts';
import { Standby } from '../../processors/standby.ts';
import { QueueWorker } from '../../processors/worker.ts';
import { BOT_QUEUES, type QueueName } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { dataWorkers } from './data-workers.ts';
import { startStateWatch } from './keeping.ts';
import { launching } from './launching.ts';
import { startLiveLogs } from './live-logs.ts';
import { queryWorker, startQuerySweep } from './queries.ts';
import { startSweeping, sweepWorker } from './sweeping.ts';
import { runWorkers, tickWorkers, type ScheduleWorking } from './schedule-workers.ts';
import type { Services } from './services.ts';
import { startUsage } from './usage.ts';

export type ProcessingOptions = {
  queues: readonly QueueName[];
  /** Jobs at once for each queue but `scheduled-run`, whose jobs only wait: `RUNS_AT_ONCE` is theirs. */
  concurrency: number;
};

/**
 * Takes jobs off the given queues and acts on them. Ticks at once; what takes containers, and is shared by all that do, once
 * the engine has answered. Resolves when all of them are taken.
 */
export async function startProcessing(
  context: RoleContext,
  services: Services,
  options: ProcessingOptions,
): Promise<void> {
  const { queues, concurrency } = options;
  // Tiny and urgent, so on workers of their own, whatever else this process does.
  if (queues.includes('schedule-tick'))
    work(context, services, 'tick processors', (standby) =>
      tickWorkers({ context, services, standby, concurrency }),
    );
  if (!queues.some((queue) => queue !== 'schedule-tick')) return;
  const starts = await launching(context, services);
  const sweep = startSweeping(context, services, starts);
  startUsage(context, services);
  if (queues.includes('log-flush')) startLiveLogs(context, services);
  if (queues.includes('state-sync')) startStateWatch(context, services, starts.watch);
  if (queues.includes('query')) startQuerySweep(context, services, starts);
  work(context, services, 'processors', (standby) => {
    const working: ScheduleWorking = { context, services, standby, concurrency };
    return [
      ...botWorkers(working, options, starts),
      ...(queues.includes('scheduled-run') ? runWorkers(working, starts) : []),
      ...dataWorkers(working, queues, starts),
      ...(queues.includes('query') ? [queryWorker(working, starts)] : []),
      ...(queues.includes('engine-sweep') ? [sweepWorker(working, sweep)] : []),
    ];
  });
}

/** Opens workers, and takes them in and out of service together. */
function work(
  { lifecycle, settings, health, log }: RoleContext,
  { mongo, queueMetrics }: Services,
  name: string,
  open: (standby: Standby) => readonly RoleWorker[],
): void {
  const standby = new Standby({ probe: () => mongoAnswers(mongo), log });
  const workers = open(standby);
  // Nothing closes under a handler's feet: what workers need was registered before them, so it is closed after them.
  lifecycle.onDrain(name, async () => {
    standby.stop();
    await Promise.all(workers.map((worker) => worker.stop(settings.DRAIN_DEADLINE)));
  });
  for (const worker of workers) {
    health.degrade(`queue ${worker.queue}`, () => worker.problem);
    queueMetrics.taking(worker.queue, () => worker.problem === undefined && !standby.away.aborted);
    worker.start();
  }
  standby.start();
}

/** Rejects at once where the driver knows already, and in two seconds where MongoDB is silent. */
async function mongoAnswers(mongo: MongoLink): Promise<void> {
  if (!mongo.connected) throw new Error('MongoDB is away');
  await mongo.ping();
}

function botWorkers(
  { context, services, standby }: ScheduleWorking,
  { queues, concurrency }: ProcessingOptions,
  starts: LauncherDeps,
): RoleWorker[] {
  const wanted = BOT_QUEUES.filter((queue) => queues.includes(queue));
  if (wanted.length === 0) return [];
  const deps = convergeDeps(context, services, starts);
  const transitions = new TransitionMetrics({ registry: context.metrics.registry });
  return wanted.map(
    (queue) =>
      new QueueWorker({
        queue,
        connection: services.workerRedis(),
        installation: context.settings.INSTALLATION,
        concurrency,
        deps,
        standby,
        log: context.log,
        onOutcome: (name, outcome, { cause }) => {
          services.queueMetrics.count(name, outcome);
          transitions.count(name, cause, outcome);
        },
        onStarted: (timing) => transitions.started(timing),
        onError: () => {
          // The connection's own outage log has said it; without a listener the process would die of it.
        },
      }),
  );
}

function convergeDeps(
  { settings, owner }: RoleContext,
  { engine, collections, queues }: Services,
  starts: LauncherDeps,
): ConvergeDeps {
  return {
    wishes: new DesiredReader(collections),
    statuses: collections.status,
    engine,
    sameEngine: starts.sameEngine,
    launcher: new Launcher(starts),
    keeping: starts.keeping,
    owner,
    policy: {
      backoff: { firstMs: settings.BACKOFF_FIRST, maxMs: settings.BACKOFF_MAX },
      stableAfterMs: settings.STABLE_AFTER,
      stopGraceMs: settings.STOP_GRACE,
      lastOutputLines: settings.LAST_OUTPUT_LINES,
    },
    defer: (botId, delayMs, cause) =>
      queues.add([{ queue: 'start', job: { botId, cause }, urgency: 'event', delayMs }]),
    withdraw: (botId) => queues.withdraw(botId),
    clock: { now: () => new Date(), random: Math.random },
  };
}
