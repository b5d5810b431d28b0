import type { RoleContext } from './context.ts';
import { startPlanning } from './planning.ts';
import { startProcessing, type ProcessingOptions } from './processing.ts';
import { openServices, type Services } from './services.ts';

/**
 * Takes jobs: as many of these as the load needs, on any host that reaches the installation's engine. `planning`: observes the
 * engine and plans bots, too, one process at a time, for bot-runners that reach no engine.
 */
export async function startProcessor(
  context: RoleContext,
  { planning = false, ...options }: ProcessingOptions & { planning?: boolean },
): Promise<Services> {
  const services = await openServices(context);
  const processing = startProcessing(context, services, options);
  // Takes ticks already, if it is to take any. Whether containers can be had the engine's own check says in /readyz.
  context.lifecycle.started();
  await Promise.all([
    processing,
    planning ? services.engineReady().then(() => startPlanning(context, services)) : undefined,
  ]);
  return services;
}
