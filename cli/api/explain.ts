import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { explanationMessage } from '../../producers/control/api/explanation-message.ts';
import type { BotServiceDeps } from '../../producers/control/api/bot-service.ts';
import { explain } from '../../producers/control/explain/explain.ts';
import { traceUrlOf } from '../../producers/control/trace-url.ts';
import { JobFacts } from '../../queues/job-facts.ts';
import type { ApiConnections, ApiQueues } from './connections.ts';

/** Why a bot or a schedule is as it is, of whichever there is by that id. */
export function explaining(connections: ApiConnections): BotServiceDeps['explain'] {
  const { settings, collections, queues, now, log } = connections;
  const deps = {
    collections,
    jobs: async () => jobFacts(await queues()),
    installation: settings.INSTALLATION,
    operator: scheduleOperator(settings),
    now,
    log,
  };
  const traceUrl = traceUrlOf(settings.TRACE_VIEWER_URL);
  return async (id, signal) => explanationMessage(await explain(deps, id, signal), traceUrl);
}

const jobFacts = ({ redis, bots, schedules }: ApiQueues): JobFacts =>
  new JobFacts({ redis, queues: { ...bots.byName, ...schedules.byName } });
