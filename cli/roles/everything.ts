import { BOT_EVENTS, SCHEDULE_EVENTS } from '../../producers/events/family.ts';
import { QUEUES } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { startEvents } from './events.ts';
import { startNotifications } from './notifications.ts';
import { startPlanning } from './planning.ts';
import { startProcessing } from './processing.ts';
import { startScheduling } from './scheduling.ts';
import { openServices, type Services } from './services.ts';

/** Bots and schedules in one process. */
export async function startEverything(context: RoleContext): Promise<Services> {
  const services = await openServices(context);
  startEvents(context, services, [BOT_EVENTS, SCHEDULE_EVENTS]);
  startNotifications(context, services);
  startScheduling(context, services);
  const processing = startProcessing(context, services, {
    queues: QUEUES,
    concurrency: context.settings.QUEUE_CONCURRENCY,
  });
  // Schedules tick from here on. Whether anything can run as well the engine's own check says in /readyz.
  context.lifecycle.started();
  await Promise.all([processing, services.engineReady().then(() => startPlanning(context, services))]);
  return services;
}
