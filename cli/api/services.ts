import type { ApiServices } from '../../producers/control/api/services.ts';
import { queryService } from '../../producers/control/api/query-service.ts';
import { stateService } from '../../producers/control/api/state-service.ts';
import { queryServerAsker } from '../../producers/control/queries/ask.ts';
import { bots } from './bots.ts';
import type { ApiConnections } from './connections.ts';
import { events } from './events.ts';
import { explaining } from './explain.ts';
import { installation } from './installation.ts';
import { logs } from './logs.ts';
import { queues } from './queues.ts';
import { schedules } from './schedules.ts';
import { stateOperations } from './state-operations.ts';
import { usage } from './usage.ts';

/** Everything that the API answers, over connections that are open: the same for its servers and for a command line. */
export function apiServices(connections: ApiConnections): ApiServices {
  const explain = explaining(connections);
  return {
    bots: bots(connections, explain),
    ...schedules(connections, explain),
    logs: logs(connections),
    events: events(connections),
    state: stateService({
      collections: connections.collections,
      operations: stateOperations(connections),
    }),
    queries: queryService({ ask: queryServerAsker(connections.settings) }),
    queues: queues(connections),
    usage: usage(connections),
    installation: installation(connections),
  };
}
