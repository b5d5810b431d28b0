import type { LeaseStore } from '../../infra/lease-store.ts';
import { holdLease, type HeldLease } from '../../infra/leases.ts';
import type { Logger } from '../../infra/logger.ts';

type Held = Pick<HeldLease, 'signal' | 'throwIfLost'>;

/** Does work for a bot while nobody else does it for the same bot. */
export type Exclusive = <T>(id: string, signal: AbortSignal, work: (held: Held) => Promise<T>) => Promise<T>;

/**
 * By a lease in MongoDB, for an S3 that does not honour conditional writes. Weaker than those: a write on its way when the
 * lease lapses still arrives.
 */
export function exclusiveByLease(options: {
  leases: LeaseStore;
  installation: string;
  owner: string;
  log: Logger;
}): Exclusive {
  const { leases, installation, owner, log } = options;
  return async <T>(id: string, signal: AbortSignal, work: (held: Held) => Promise<T>): Promise<T> => {
    const done = new AbortController();
    const result = Promise.withResolvers<T>();
    result.promise.catch(() => undefined);
    await holdLease({
      store: leases,
      name: `${installation}:log:${id}`,
      owner,
      retryEveryMs: 200,
      signal: AbortSignal.any([signal, done.signal]),
      log,
      onAcquired: async (held) => {
        await work(held).then(result.resolve, result.reject);
        done.abort();
      },
    });
    if (!done.signal.aborted) signal.throwIfAborted();
    return result.promise;
  };
}
