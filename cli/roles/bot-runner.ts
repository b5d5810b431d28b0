import { connectNats } from '../../infra/nats/connect.ts';
import { BOT_EVENTS } from '../../producers/events/family.ts';
import { createEventConsumer } from '../../producers/events/consumer.ts';
import { QUEUES } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { startPlanning } from './planning.ts';
import { startProcessing } from './processing.ts';
import { openServices, type Services } from './services.ts';

/** Everything for long-lived bots in one process: events in, planning, and processing of all queues. */
export async function startBotRunner(context: RoleContext): Promise<Services> {
  const services = await openServices(context);
  startEvents(context, services);
  startPlanning(context, services);
  await startProcessing(context, services, {
    queues: QUEUES,
    concurrency: context.settings.QUEUE_CONCURRENCY,
  });
  context.lifecycle.started();
  return services;
}

function startEvents(context: RoleContext, services: Services): void {
  const { settings, log, lifecycle, health, owner } = context;
  if (settings.NATS_URL === undefined) {
    log.warn('NATS_URL is not set: no platform events are consumed, MongoDB alone steers');
    health.degrade('events', 'NATS_URL is not set: only what is written to MongoDB counts');
    return;
  }
  const nats = connectNats({ url: settings.NATS_URL, name: `the0-runtime/${owner}`, log });
  lifecycle.onStop('nats', () => nats.close());
  const consumer = createEventConsumer({
    family: BOT_EVENTS,
    nats,
    mongo: services.mongo,
    collections: services.collections,
    installation: settings.INSTALLATION,
    owner,
    log,
  });
  lifecycle.onStop('events', () => consumer.stop());
  health.check(
    'nats',
    async () => {
      if (!nats.connected) throw new Error('not connected');
    },
    { degradesOnly: true },
  );
  consumer.start();
}
