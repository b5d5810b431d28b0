import { createEventConsumer } from '../../producers/events/consumer.ts';
import type { EventFamily } from '../../producers/events/family.ts';
import { EventMetrics } from '../../producers/events/metrics.ts';
import { idleReason } from '../../producers/events/stats.ts';
import type { RoleContext } from './context.ts';
import type { Services } from './services.ts';

/** Consumes the platform's events of these families, each with a consumer of its own over one connection. */
export function startEvents(
  context: RoleContext,
  services: Services,
  families: readonly EventFamily[],
): void {
  const { settings, log, lifecycle, health, metrics, owner } = context;
  const nats = services.nats();
  if (nats === undefined) {
    log.warn('NATS_URL is not set: no platform events are consumed, MongoDB alone steers');
    health.degrade('events', 'NATS_URL is not set: only what is written to MongoDB counts');
    return;
  }
  const counted = new EventMetrics({ registry: metrics.registry });
  for (const family of families) {
    const consumer = createEventConsumer({
      family,
      nats,
      mongo: services.mongo,
      collections: services.collections,
      installation: settings.INSTALLATION,
      owner,
      log,
    });
    counted.add(family.name, consumer);
    health.degrade(`events of ${family.name}`, () => idleReason(consumer.stats));
    lifecycle.onDrain(`events of ${family.name}`, () => consumer.stop());
    consumer.start();
  }
}
