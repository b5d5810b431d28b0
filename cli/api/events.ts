import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { eventService } from '../../producers/control/api/event-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import type { ApiConnections } from './connections.ts';

/** What happens, and who did what. */
export const events = ({
  settings,
  mongo,
  collections,
}: Pick<ApiConnections, 'settings' | 'mongo' | 'collections'>): NonNullable<ApiServices['events']> =>
  eventService({
    collections,
    database: mongo.db(settings.MONGO_RUNTIME_DATABASE),
    stores: collections,
    operator: scheduleOperator(settings),
  });
