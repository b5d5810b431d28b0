import { SCHEDULE_EVENTS } from '../../producers/events/family.ts';
import { DATA_QUEUES, SCHEDULE_QUEUES } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { startEvents } from './events.ts';
import { startNotifications } from './notifications.ts';
import { startProcessing } from './processing.ts';
import { startScheduling } from './scheduling.ts';
import { openServices, type Services } from './services.ts';

/**
 * Everything for scheduled bots in one process: events in, alarms, ticks and runs. `withEngine` false: only events and alarms,
 * in a process that reaches no engine; processors take ticks and runs then.
 */
export async function startBotScheduler(
  context: RoleContext,
  { withEngine = true }: { withEngine?: boolean } = {},
): Promise<Services> {
  const services = await openServices(context, { needsEngine: withEngine });
  startEvents(context, services, [SCHEDULE_EVENTS]);
  startNotifications(context, services);
  startScheduling(context, services);
  if (!withEngine) {
    context.lifecycle.started();
    return services;
  }
  const processing = startProcessing(context, services, {
    queues: [...SCHEDULE_QUEUES, ...DATA_QUEUES],
    concurrency: context.settings.QUEUE_CONCURRENCY,
  });
  // Schedules tick from here on. Whether runs can go as well the engine's own check says in /readyz.
  context.lifecycle.started();
  await processing;
  return services;
}
