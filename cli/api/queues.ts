import { queueService } from '../../producers/control/api/queue-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import type { ApiConnections } from './connections.ts';

/** All queues of the installation, and the jobs on them. */
export function queues(
  connections: Pick<ApiConnections, 'queues' | 'now'>,
): NonNullable<ApiServices['queues']> {
  return queueService({
    queues: async () => {
      const { redis, bots, schedules, data } = await connections.queues();
      return { redis, byName: { ...bots.byName, ...schedules.byName, ...data.byName } };
    },
    nowMs: () => connections.now().getTime(),
  });
}
