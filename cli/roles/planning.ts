import type { Collection, Document } from 'mongodb';
import { ChangeFeed } from '../../producers/changes/change-feed.ts';
import type { LookMetrics } from '../../producers/changes/look-metrics.ts';
import { PlanLoop } from '../../producers/changes/plan-loop.ts';
import { ExitFollower } from '../../producers/observe/exit-follower.ts';
import { FleetMetrics } from '../../producers/plan/metrics.ts';
import { Planner } from '../../producers/plan/planner.ts';
import { RolloutWorker } from '../../producers/rollouts/worker.ts';
import { DataLossSentinel, REDIS_DATA_LOST } from '../../queues/sentinel.ts';
import { NEW_PRIMARY, onNewPrimary } from '../../infra/mongo/new-primary.ts';
import { WishTraces } from '../../infra/mongo/wish-traces.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { isTracing } from '../../infra/tracing/tracing.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import { assertOneEngine } from './one-engine.ts';
import type { Services } from './services.ts';

/**
 * Follows what changes (MongoDB), what ends (the engine) and what is lost (Redis), plans, and works off roll-outs. Under a lease, so that a
 * second process that does the same only waits to take over.
 */
export function startPlanning(context: RoleContext, services: Services): void {
  const { registry } = context.metrics;
  const reports = {
    fleet: new FleetMetrics({ registry, nameBots: context.settings.METRICS_NAME_BOTS }),
    looks: services.looks,
  };
  doAlone(context, services.collections, {
    lease: 'planner',
    what: 'planner',
    work: ({ signal }) => planWhileHeld(context, services, { signal, reports }),
    onLost: () => context.log.info('Another process plans now'),
  });
}

type Reports = { fleet: FleetMetrics; looks: LookMetrics };

async function planWhileHeld(
  context: RoleContext,
  services: Services,
  { signal, reports }: { signal: AbortSignal; reports: Reports },
): Promise<void> {
  const { settings, log, health } = context;
  const { collections, engine, queues, redis, mongo } = services;
  const topology = await untilSucceeds('MongoDB', () => mongo.topology(), { everyMs: 1_000, signal, log });
  const polling = !topology.changeStreams;
  health.degrade(
    'changes',
    polling ? 'MongoDB is a standalone server without change streams: everything is polled' : undefined,
  );

  const planner = new Planner({
    bots: collections.bots,
    holds: collections.holds,
    restarts: collections.restarts,
    statuses: collections.status,
    engine,
    // Asked anew each time: a look that comes as the socket begins to lead elsewhere would start the whole fleet there.
    sameEngine: async () => void (await assertOneEngine(engine, collections.installation)),
    queues,
    traces: isTracing() ? new WishTraces(collections.wishTraces, () => services.clock.now()) : undefined,
    log,
    now: Date.now,
    stableAfterMs: settings.STABLE_AFTER,
    onSeen: (fleet) => reports.fleet.seen(fleet),
  });
  const watch = health.watch('planner', { maxSilenceMs: settings.RECONCILE_INTERVAL * 4 + 60_000 });
  const loop = new PlanLoop({
    planner: { plan: (botIds) => planner.plan(botIds, 'wish'), resync: () => planner.resync() },
    log,
    lookedMessage: 'Looked at every bot',
    isNews: ({ transitions }) => transitions > 0,
    resyncEveryMs: settings.RECONCILE_INTERVAL,
    polling,
    onResync: ({ due, tookMs }, why) => reports.looks.looked('bots', { why, found: due, tookMs }),
    onRound: () => watch.tick(),
  });
  const sentinel = new DataLossSentinel({
    redis,
    installation: settings.INSTALLATION,
    onLost: () => loop.lookAtAll(REDIS_DATA_LOST),
  });
  const follower = new ExitFollower({
    engine,
    queues,
    log,
    onReopened: () => loop.request('the engine is back'),
  });
  const rollouts = new RolloutWorker({ collections, log, now: () => new Date(services.clock.now()) });
  const feeds = polling
    ? []
    : [
        {
          name: 'bots',
          collection: collections.bots as unknown as Collection<Document>,
          idField: 'id' as const,
        },
        {
          name: 'holds',
          collection: collections.holds as unknown as Collection<Document>,
          idField: '_id' as const,
        },
        {
          name: 'restarts',
          collection: collections.restarts as unknown as Collection<Document>,
          idField: '_id' as const,
        },
      ].map(
        (source) =>
          new ChangeFeed({
            source,
            tokens: collections.resumeTokens,
            log,
            onChange: (changed) => loop.changed(changed, signal),
            onRecovered: () => loop.request(`the change stream of ${source.name} is back`),
          }),
      );
  using _elections = onNewPrimary(mongo.client, () => loop.request(NEW_PRIMARY));
  reports.looks.begin('bots');
  sentinel.start();
  try {
    await Promise.all([
      loop.run(signal),
      follower.run(signal),
      rollouts.run(signal),
      ...feeds.map((feed) => feed.run(signal)),
    ]);
  } finally {
    await sentinel.stop();
    watch.stop();
    reports.fleet.forget();
    reports.looks.end('bots');
  }
}
