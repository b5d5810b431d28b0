import { holdLease } from '../../infra/leases.ts';
import type { StateDeps } from './deps.ts';

/**
 * Does `work` while nobody else does under that name; its signal aborts when the lease is lost. Throws what it throws, or the
 * signal's reason. Whoever asked need not wait until the lease is given back: that goes on behind it.
 */
export async function underLease<T>(
  { leases, owner, log }: Pick<StateDeps, 'leases' | 'owner' | 'log'>,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const result = Promise.withResolvers<T>();
  const holding = holdLease({
    store: leases,
    name,
    owner,
    signal: AbortSignal.any([signal, done.signal]),
    log,
    retryEveryMs: 100,
    onAcquired: async (held) => {
      try {
        const value = await work(AbortSignal.any([signal, held.signal]));
        held.throwIfLost();
        result.resolve(value);
      } catch (error) {
        result.reject(error);
      }
      done.abort();
    },
  });
  // It ends without a result only where the signal ended the wait for the lease.
  void holding.then(() => {
    result.reject(signal.aborted ? signal.reason : new Error(`Nothing was done under the lease ${name}`));
  });
  return result.promise;
}
