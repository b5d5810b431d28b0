import { usageService } from '../../producers/control/api/usage-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import type { ApiConnections } from './connections.ts';

/** What bots and schedules use. */
export const usage = ({ settings, collections, now }: ApiConnections): NonNullable<ApiServices['usage']> =>
  usageService({ collections, everyMs: settings.USAGE_INTERVAL, now });
