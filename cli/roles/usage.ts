import { UsageSampler } from '../../processors/usage/sampler.ts';
import { doAlone } from './alone.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

const LEAST_MS = 1_000;

/** One process at a time measures what everything that runs uses. */
export function startUsage(context: RoleContext, { engine, collections, clock }: Services): void {
  const { settings, log } = context;
  if (settings.USAGE_INTERVAL === 0) return;
  const sampler = new UsageSampler({
    engine,
    stores: collections,
    everyMs: Math.max(LEAST_MS, settings.USAGE_INTERVAL),
    clock: { now: () => new Date(clock.now()), monotonicMs: () => performance.now() },
    log,
  });
  doAlone(context, collections, {
    lease: 'usage',
    what: 'usage',
    work: async ({ signal }) => {
      sampler.forget();
      await sampler.run(signal);
    },
  });
}
