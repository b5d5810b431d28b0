import type { RoleContext } from './context.ts';
import { startProcessing, type ProcessingOptions } from './processing.ts';
import { openServices, type Services } from './services.ts';

/** Only takes jobs: as many of these as the load needs, on any host that reaches the installation's engine. */
export async function startProcessor(context: RoleContext, options: ProcessingOptions): Promise<Services> {
  const services = await openServices(context);
  await startProcessing(context, services, options);
  context.lifecycle.started();
  return services;
}
