import { holdLease } from '../../infra/leases.ts';
import type { Collection, Document } from 'mongodb';
import { ChangeFeed } from '../../producers/changes/change-feed.ts';
import { ExitFollower } from '../../producers/observe/exit-follower.ts';
import { PlanLoop } from '../../producers/plan/plan-loop.ts';
import { Planner } from '../../producers/plan/planner.ts';
import { DataLossSentinel } from '../../queues/sentinel.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/**
 * Follows what changes (MongoDB), what ends (the engine) and what is lost (Redis), and plans. Under a lease, so that a
 * second process that does the same only waits to take over.
 */
export function startPlanning(context: RoleContext, services: Services): void {
  const { settings, log, lifecycle, owner } = context;
  const held = holdLease({
    collection: services.collections.leases,
    name: `${settings.INSTALLATION}:planner`,
    owner,
    signal: lifecycle.signal,
    log,
    onAcquired: (lease) => planWhileHeld(context, services, lease.signal),
    onLost: () => log.info('Another process plans now'),
  });
  lifecycle.onStop('planner', () => held);
}

async function planWhileHeld(context: RoleContext, services: Services, signal: AbortSignal): Promise<void> {
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
    statuses: collections.status,
    engine,
    queues,
    log,
    now: Date.now,
  });
  const watch = health.watch('planner', { maxSilenceMs: settings.RECONCILE_INTERVAL * 4 + 60_000 });
  const loop = new PlanLoop({
    planner,
    log,
    resyncEveryMs: settings.RECONCILE_INTERVAL,
    polling,
    onResync: () => watch.tick(),
  });
  const sentinel = new DataLossSentinel({
    redis,
    installation: settings.INSTALLATION,
    onLost: () => loop.lookAtAll('the data of Redis is new or was lost'),
  });
  const follower = new ExitFollower({
    engine,
    queues,
    log,
    onReopened: () => loop.request('the engine is back'),
  });
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
      ].map(
        (source) =>
          new ChangeFeed({
            source,
            tokens: collections.resumeTokens,
            log,
            onChange: (changed) => loop.changed(changed, signal),
          }),
      );
  sentinel.start();
  try {
    await Promise.all([loop.run(signal), follower.run(signal), ...feeds.map((feed) => feed.run(signal))]);
  } finally {
    await sentinel.stop();
    watch.stop();
  }
}
