import { EngineSweep, type EngineSweepDeps } from '../../processors/gc/engine-sweep.ts';
import { sweepPeriodically } from '../../processors/gc/periodic.ts';
import { createSweepWorker } from '../../processors/gc/sweep-worker.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import type { ScheduleWorking } from './schedule-workers.ts';
import type { Services } from './services.ts';

const HOUR_MS = 3_600_000;
const SWEEP_EVERY_MS = 600_000;

/** One process at a time sweeps the engine now and then, whether a `gc` asks for it or not. Gives what jobs sweep with. */
export function startSweeping(
  context: RoleContext,
  { engine, collections, clock }: Services,
  { code, keeping }: Pick<EngineSweepDeps, 'code' | 'keeping'>,
): EngineSweep {
  const { log, settings } = context;
  const sweep = new EngineSweep({
    engine,
    collections,
    code,
    keeping,
    policy: {
      graceMs: settings.GC_GRACE,
      maxSharePercent: settings.GC_MAX_SHARE,
      codeUnusedMs: settings.CODE_UNUSED_HOURS * HOUR_MS,
      imageUnusedMs: settings.GC_IMAGE_DAYS * 24 * HOUR_MS,
      stopGraceMs: settings.STOP_GRACE,
    },
    now: () => clock.now(),
    log,
  });
  doAlone(context, collections, {
    lease: 'sweeper',
    what: 'sweeper',
    work: ({ signal }) => sweepPeriodically({ sweep, log }, { everyMs: SWEEP_EVERY_MS, signal }),
  });
  return sweep;
}

/** Takes the sweeps that a `gc` asks for. */
export function sweepWorker({ context, services, standby }: ScheduleWorking, sweep: EngineSweep): RoleWorker {
  return createSweepWorker({
    sweep,
    installation: context.settings.INSTALLATION,
    connection: services.workerRedis(),
    standby,
    log: context.log,
    onOutcome: (name, outcome) => services.queueMetrics.count(name, outcome),
    onError: () => {
      // The connection's own outage log has said it; without a listener the process would die of it.
    },
  });
}
