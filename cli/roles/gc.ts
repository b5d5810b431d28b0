import { sweepStorage } from '../../producers/gc/loop.ts';
import { GcMetrics } from '../../producers/gc/metrics.ts';
import { storageSweep } from '../gc/storage.ts';
import { doAlone } from './alone.ts';
import { ensureBuckets } from './buckets.ts';
import type { RoleContext } from './context.ts';
import { openServices, type Services } from './services.ts';

/** A bucket of a million objects takes minutes to look through; each page says that it goes on. */
const LONGEST_STEP_MS = 10 * 60_000;

/** Sweeps object storage again and again, and asks processors to sweep the engine, which it does not reach itself. */
export async function startGc(context: RoleContext, { everyMs }: { everyMs: number }): Promise<Services> {
  const services = await openServices(context, { needsEngine: false });
  const { health, settings } = context;
  health.check('s3', () => services.s3.bucketExists(settings.S3_LOG_BUCKET), { degradesOnly: true });
  void ensureBuckets(context, services);
  startStorageSweeps(context, services, { everyMs });
  context.lifecycle.started();
  return services;
}

/** One process of an installation at a time. */
export function startStorageSweeps(
  context: RoleContext,
  { collections, s3, clock, dataQueues }: Services,
  { everyMs }: { everyMs: number },
): void {
  const { settings, log, health, metrics } = context;
  const counted = new GcMetrics({ registry: metrics.registry });
  const sweep = storageSweep({ settings, collections, s3, now: () => clock.now() });
  doAlone(context, collections, {
    lease: 'gc',
    what: 'gc',
    work: async ({ signal }) => {
      const watch = health.watch('gc', { maxSilenceMs: everyMs + LONGEST_STEP_MS });
      try {
        await sweepStorage({
          sweep,
          reports: collections.gcReports,
          askEngine: () => dataQueues.sweep({ cause: 'gc sweeps now', dryRun: false }),
          everyMs,
          now: () => clock.now(),
          log,
          signal,
          onReport: (report) => counted.count(report),
          onStopped: (reason) => health.degrade('gc', reason),
          onProgress: () => watch.tick(),
        });
      } finally {
        watch.stop();
        health.degrade('gc', undefined);
      }
    },
  });
}
