import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ScheduleOrder as WireOrder,
  SchedulePhase,
  type ListSchedulesResponseSchema,
  type PreviewScheduleResponseSchema,
  type ScheduleFilter as WireFilter,
  type ScheduleSchema,
} from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import type { PageOfSchedules, ScheduleFilter } from '../schedule-list/page.ts';
import type { ScheduleOrder } from '../schedule-list/places.ts';
import { VIEW_PHASES, type ScheduleView } from '../schedule-list/view.ts';
import type { Preview } from '../preview.ts';
import { runStates } from './run-messages.ts';
import { wishMessage } from './wish-message.ts';
import { lasting, stamp, wordsOf } from './wire.ts';

export const schedulePhases = wordsOf(VIEW_PHASES, SchedulePhase);

const ORDERS: Readonly<Record<WireOrder, ScheduleOrder>> = {
  [WireOrder.UNSPECIFIED]: 'trouble',
  [WireOrder.ID]: 'id',
  [WireOrder.NAME]: 'name',
  [WireOrder.NEXT]: 'next',
};

export const scheduleOrder = (order: WireOrder): ScheduleOrder => ORDERS[order];

export function scheduleFilter(filter: WireFilter | undefined): ScheduleFilter {
  const phases = schedulePhases.words(filter?.phases ?? []);
  return {
    ...(phases.length === 0 ? {} : { phases }),
    failing: filter?.failing ?? false,
    text: filter?.text ?? '',
  };
}

export function scheduleMessage(view: ScheduleView): MessageInitShape<typeof ScheduleSchema> {
  const { lastRun, policy } = view;
  return {
    id: view.id,
    phase: schedulePhases.value(view.phase),
    reason: view.reason,
    since: stamp(view.since),
    enabled: view.enabled,
    schedule: view.schedule ?? '',
    zone: view.zone ?? '',
    next: stamp(view.next),
    lastRun:
      lastRun === null
        ? undefined
        : {
            run: lastRun.run,
            state: runStates.value(lastRun.state),
            ended: stamp(lastRun.ended),
            reason: lastRun.reason,
          },
    failuresInRow: view.failuresInRow,
    line: view.line,
    hold: wishMessage(view.hold),
    policy: policy === null ? undefined : policyMessage(policy),
    name: view.name ?? '',
    runtime: view.runtime ?? '',
    version: view.version ?? '',
  };
}

function policyMessage({
  misfire,
  overlap,
  timeoutMs,
  retries,
  retryDelayMs,
  jitterMs,
}: NonNullable<ScheduleView['policy']>): MessageInitShape<typeof ScheduleSchema>['policy'] {
  return {
    misfire: misfire.policy,
    misfireMax: misfire.max,
    misfireWindow: lasting(misfire.windowMs),
    overlap: overlap.policy,
    overlapMax: overlap.max,
    timeout: lasting(timeoutMs),
    retries,
    retryDelay: lasting(retryDelayMs),
    jitter: lasting(jitterMs),
  };
}

export const schedulesMessage = ({
  schedules,
  nextToken,
  total,
  counts,
}: PageOfSchedules): MessageInitShape<typeof ListSchedulesResponseSchema> => ({
  schedules: schedules.map(scheduleMessage),
  nextToken,
  total,
  counts: VIEW_PHASES.flatMap((phase) => {
    const count = counts.get(phase) ?? 0;
    return count === 0 ? [] : [{ phase: schedulePhases.value(phase), count }];
  }),
});

export const previewMessage = ({
  cron,
  zone,
  times,
  exhausted,
}: Preview): MessageInitShape<typeof PreviewScheduleResponseSchema> => ({
  schedule: cron,
  zone,
  times: times.map(({ utc, zoneTime }) => ({ at: stamp(utc), local: zoneTime })),
  exhausted,
});
