import { Counter } from 'prom-client';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { FINAL_RUN_STATES } from '../../model/runs.ts';
import type { RoleWorker } from '../../processors/job-worker.ts';
import type { LauncherDeps } from '../../processors/launch.ts';
import { createRunWorker } from '../../processors/runs/run-worker.ts';
import type { Standby } from '../../processors/standby.ts';
import { DueBook } from '../../processors/ticks/due-book.ts';
import { TickMetrics } from '../../processors/ticks/metrics.ts';
import { TickWorker } from '../../processors/ticks/tick-worker.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

export type ScheduleWorking = {
  context: RoleContext;
  services: Services;
  standby: Standby;
  concurrency: number;
};

/** What both kinds of workers report to. */
const reports = ({ services }: ScheduleWorking) => ({
  onOutcome: services.queueMetrics.count.bind(services.queueMetrics),
  onError: () => {
    // The connection's own outage log has said it; without a listener the process would die of it.
  },
});

/** Take the alarms of schedules. */
export function tickWorkers(working: ScheduleWorking): RoleWorker[] {
  const { context, services, standby, concurrency } = working;
  const { settings, log, metrics } = context;
  const { collections, scheduleQueues: queues, clock } = services;
  const book = new DueBook({
    collections,
    queues,
    clock,
    operator: scheduleOperator(settings),
    misfireAfterMs: settings.MISFIRE_AFTER,
    newId: () => crypto.randomUUID(),
    log,
    metrics: new TickMetrics({ registry: metrics.registry }),
  });
  return [
    new TickWorker({
      connection: services.workerRedis(),
      installation: settings.INSTALLATION,
      concurrency,
      book,
      clock,
      standby,
      log,
      ...reports(working),
    }),
  ];
}

/** Take runs, and stay with each until its container has ended. */
export function runWorkers(working: ScheduleWorking, starts: LauncherDeps): RoleWorker[] {
  const { context, services, standby } = working;
  const { settings, log, owner, metrics } = context;
  const ended = new Counter({
    name: 'the0_runs_total',
    help: 'Runs of schedules that are over, by what they ended as',
    labelNames: ['state'],
    registers: [metrics.registry],
  });
  // A series that exists from the start lets a monitor see the first failure as an increase.
  for (const state of FINAL_RUN_STATES) ended.inc({ state }, 0);
  return [
    createRunWorker({
      connection: services.workerRedis(),
      concurrency: settings.RUNS_AT_ONCE,
      launching: starts,
      collections: services.collections,
      queues: services.scheduleQueues,
      operator: scheduleOperator(settings),
      owner,
      now: () => services.clock.now(),
      standby,
      log,
      onRunEnded: (state) => ended.inc({ state }),
      ...reports(working),
    }),
  ];
}
