import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { SchedulesMetrics } from '../../producers/schedules/metrics.ts';
import { foundBy, Scheduling } from '../../producers/schedules/scheduling.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/**
 * Keeps every schedule's alarm set and every open run on its way. Under a lease, so that a second process that does the
 * same only waits to take over.
 */
export function startScheduling(context: RoleContext, services: Services): void {
  const phases = new SchedulesMetrics({ registry: context.metrics.registry });
  doAlone(context, services.collections, {
    lease: 'scheduler',
    what: 'scheduler',
    work: ({ signal }) => scheduleWhileHeld(context, services, { signal, phases }),
    onLost: () => context.log.info('Another process looks after the schedules now'),
  });
}

async function scheduleWhileHeld(
  context: RoleContext,
  services: Services,
  { signal, phases }: { signal: AbortSignal; phases: SchedulesMetrics },
): Promise<void> {
  const { settings, log, health } = context;
  const { collections, scheduleQueues, redis, mongo, clock, looks } = services;
  const topology = await untilSucceeds('MongoDB', () => mongo.topology(), { everyMs: 1_000, signal, log });
  const polling = !topology.changeStreams;
  health.degrade(
    'changes',
    polling ? 'MongoDB is a standalone server without change streams: everything is polled' : undefined,
  );
  const watch = health.watch('scheduler', { maxSilenceMs: settings.CHECK_INTERVAL * 4 + 60_000 });
  looks.begin('schedules');
  try {
    await new Scheduling({
      collections,
      client: mongo.client,
      queues: scheduleQueues,
      redis,
      installation: settings.INSTALLATION,
      operator: scheduleOperator(settings),
      now: () => clock.now(),
      polling,
      checkEveryMs: settings.CHECK_INTERVAL,
      runsAtOnce: settings.RUNS_AT_ONCE,
      keep: { days: settings.RUNS_KEEP_DAYS, count: settings.RUNS_KEEP_COUNT },
      log,
      onLook: (look, why) => {
        phases.seen(look.phases);
        looks.looked('schedules', { why, found: foundBy(look), tookMs: look.tookMs });
      },
      onRound: () => watch.tick(),
    }).run(signal);
  } finally {
    watch.stop();
    phases.forget();
    looks.end('schedules');
  }
}
