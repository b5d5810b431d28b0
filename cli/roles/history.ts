import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease } from '../../infra/leases.ts';
import { readTopology } from '../../infra/mongo/connect.ts';
import { untilSucceeds } from '../../infra/retry.ts';
import { HistoryRecorder } from '../../producers/history/recorder.ts';
import type { ApiConnections } from '../api/connections.ts';
import type { RoleContext } from './context.ts';

/**
 * Puts on record what happens, for those who ask the API. With the API and not with the planner: whoever starts bots has
 * other things to do. Under a lease, so that of several APIs one does it.
 */
export function startHistory(context: RoleContext, connections: ApiConnections): void {
  const { settings, log, lifecycle, health, owner } = context;
  const { mongo, collections, now } = connections;
  const recorder = new HistoryRecorder({
    database: mongo.db(settings.MONGO_RUNTIME_DATABASE),
    collections,
    now,
    log,
  });
  const record = async (signal: AbortSignal): Promise<void> => {
    const hello = () => mongo.db('admin').command({ hello: 1 });
    const topology = readTopology(await untilSucceeds('MongoDB', hello, { everyMs: 1_000, signal, log }));
    health.degrade(
      'history',
      topology.changeStreams
        ? undefined
        : 'MongoDB is a standalone server without change streams: what happens is not put on record',
    );
    if (topology.changeStreams) await recorder.run(signal);
    else
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  };
  const held = holdLease({
    store: new LeaseStore(collections.leases),
    name: `${settings.INSTALLATION}:history`,
    owner,
    signal: lifecycle.signal,
    log,
    onAcquired: (lease) => record(lease.signal),
  });
  lifecycle.onStop('history', () => held);
}
