import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { runService } from '../../producers/control/api/run-service.ts';
import { scheduleService, type ScheduleServiceDeps } from '../../producers/control/api/schedule-service.ts';
import type { ApiServices } from '../../producers/control/api/services.ts';
import { traceUrlOf } from '../../producers/control/trace-url.ts';
import { ScheduleControl } from '../../producers/control/schedules.ts';
import type { ApiConnections } from './connections.ts';

/** Schedules and their runs. */
export function schedules(
  { settings, collections, queues, now, newId }: ApiConnections,
  explain: ScheduleServiceDeps['explain'],
): Required<Pick<ApiServices, 'schedules' | 'runs'>> {
  const operator = scheduleOperator(settings);
  const control = new ScheduleControl({
    collections,
    queues: { addRuns: async (items) => (await queues()).schedules.addRuns(items) },
    operator,
    now,
    // A request's id is part of names: short, and of letters that they may hold.
    newId: () => newId().slice(0, 13),
  });
  return {
    schedules: scheduleService({
      collections,
      operator,
      control,
      explain,
    }),
    runs: runService({ collections, control, traceUrl: traceUrlOf(settings.TRACE_VIEWER_URL) }),
  };
}
