import { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease, type HeldLease } from '../../infra/leases.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { RoleContext } from './context.ts';

/** What one process of an installation does at a time. */
export type AloneTask = {
  /** Names it in leases and metrics. */
  lease: string;
  /** Names it where the process stops. */
  what: string;
  /** Until `held.signal` aborts. */
  work: (held: HeldLease) => Promise<void>;
  onLost?: () => void;
};

/** Stands by for the task until the process stops, and does it while no other does. */
export function doAlone(
  { settings, log, lifecycle, metrics, owner }: RoleContext,
  { leases }: Pick<Collections, 'leases'>,
  { lease, what, work, onLost }: AloneTask,
): void {
  metrics.leases.set(lease, false);
  const standing = holdLease({
    store: new LeaseStore(leases),
    name: `${settings.INSTALLATION}:${lease}`,
    owner,
    signal: lifecycle.signal,
    log,
    onAcquired: async (held) => {
      metrics.leases.set(lease, true);
      // At once: the work itself may hang for a while on what took the lease away.
      held.signal.addEventListener('abort', () => metrics.leases.set(lease, false), { once: true });
      await work(held);
    },
    ...(onLost === undefined ? {} : { onLost }),
  });
  lifecycle.onStop(what, () => standing);
}
