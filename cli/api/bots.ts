import { botService, type BotServiceDeps } from '../../producers/control/api/bot-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import { traceUrlOf } from '../../producers/control/trace-url.ts';
import { BotControl } from '../../producers/control/bots/control.ts';
import type { ApiConnections } from './connections.ts';

/** Long-lived bots. */
export function bots(
  { settings, collections, now, newId }: ApiConnections,
  explain: BotServiceDeps['explain'],
): NonNullable<ApiServices['bots']> {
  return botService({
    control: new BotControl({ collections, now, newId }),
    explain,
    traceUrl: traceUrlOf(settings.TRACE_VIEWER_URL),
  });
}
