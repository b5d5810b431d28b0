import type { Queue } from 'bullmq';
import { LateQueues } from '../../producers/notify/jobs-wait.ts';
import { look } from '../../producers/notify/look.ts';
import { NotifyMetrics } from '../../producers/notify/metrics.ts';
import { keysOf, receiversOf } from '../../producers/notify/receiver.ts';
import { Sender } from '../../producers/notify/sender.ts';
import { troubleText } from '../../producers/notify/trouble.ts';
import { Watcher } from '../../producers/notify/watcher.ts';
import { productVersion } from '../paths.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/** A look, or an attempt to send, takes no longer. */
const MAX_SILENCE_MS = 120_000;

/** Tells those who asked for it (NOTIFY_URLS) of problems. Under a lease: one process of an installation does. */
export function startNotifications(context: RoleContext, services: Services): void {
  const { settings } = context;
  if (settings.NOTIFY_URLS.length === 0) return;
  const receivers = receiversOf(settings);
  const metrics = new NotifyMetrics({
    registry: context.metrics.registry,
    receivers: receivers.map(({ name }) => name),
  });
  doAlone(context, services.collections, {
    lease: 'notifications',
    what: 'notifications',
    work: ({ signal }) => notifyWhileHeld(context, services, { metrics, signal }),
  });
}

async function notifyWhileHeld(
  { settings, log, health }: RoleContext,
  { collections, clock, queues, scheduleQueues, dataQueues }: Services,
  { metrics, signal }: { metrics: NotifyMetrics; signal: AbortSignal },
): Promise<void> {
  const receivers = receiversOf(settings);
  const now = (): Date => new Date(clock.now());
  const sender = new Sender({
    collections,
    receivers,
    keys: keysOf(settings),
    userAgent: `the0-runtime/${productVersion()}`,
    now,
    random: Math.random,
    log,
    onAttempt: (receiver, outcome) => metrics.attempt(receiver, outcome),
  });
  const backlogs = [queues, scheduleQueues, dataQueues].flatMap(({ byName }) => Object.values<Queue>(byName));
  const looked = {
    collections,
    queues: backlogs,
    crashes: settings.NOTIFY_CRASHES,
    overdueMs: settings.MISFIRE_AFTER + settings.CHECK_INTERVAL,
    runsAtOnce: settings.RUNS_AT_ONCE,
    lateQueues: new LateQueues(),
  };
  const watch = health.watch('notifications', { maxSilenceMs: MAX_SILENCE_MS });
  const watcher = new Watcher({
    collections,
    look: (at, missedSince) => look(looked, at, missedSince),
    receivers,
    windowMs: settings.NOTIFY_WINDOW,
    retryForMs: settings.NOTIFY_RETRY_FOR,
    telling: { installation: settings.INSTALLATION, dashboardUrl: settings.DASHBOARD_URL },
    now,
    newId: () => crypto.randomUUID(),
    log,
    onRound: () => watch.tick(),
    onLook: async (open) => {
      metrics.open(open);
      await metrics.readOutbox(collections, now());
    },
  });
  health.degrade('notifications', () => troubleText(sender.troubles));
  try {
    await Promise.all([watcher.run(signal), sender.run(signal)]);
  } finally {
    health.degrade('notifications', undefined);
    metrics.forget();
    watch.stop();
  }
}
