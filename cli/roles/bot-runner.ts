import { BOT_EVENTS } from '../../producers/events/family.ts';
import { BOT_QUEUES, DATA_QUEUES } from '../../queues/names.ts';
import type { RoleContext } from './context.ts';
import { startEvents } from './events.ts';
import { startNotifications } from './notifications.ts';
import { startPlanning } from './planning.ts';
import { startProcessing } from './processing.ts';
import { openServices, type Services } from './services.ts';

/**
 * Everything for long-lived bots in one process: events in, planning, and processing of their queues. `withEngine` false:
 * only events, in a process that reaches no engine; processors plan then.
 */
export async function startBotRunner(
  context: RoleContext,
  { withEngine = true }: { withEngine?: boolean } = {},
): Promise<Services> {
  const services = await openServices(context, { needsEngine: withEngine });
  startEvents(context, services, [BOT_EVENTS]);
  startNotifications(context, services);
  if (!withEngine) {
    context.lifecycle.started();
    return services;
  }
  await services.engineReady();
  startPlanning(context, services);
  await startProcessing(context, services, {
    queues: [...BOT_QUEUES, ...DATA_QUEUES],
    concurrency: context.settings.QUEUE_CONCURRENCY,
  });
  context.lifecycle.started();
  return services;
}
