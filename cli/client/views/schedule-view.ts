import { create } from '@bufbuild/protobuf';
import {
  ScheduleSchema,
  type PreviewScheduleResponse,
  type Schedule,
  type SchedulePolicy,
} from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import type { Preview } from '../../../producers/control/preview.ts';
import type { Api } from '../api.ts';
import { runStates } from '../../../producers/control/api/run-messages.ts';
import { schedulePhases } from '../../../producers/control/api/schedule-messages.ts';
import { msOf } from '../../../producers/control/api/wire.ts';
import type { ScheduleView } from '../../../producers/control/schedule-list/view.ts';
import { iso, isoOf, text, wishView } from './fields.ts';

/** A schedule as the API tells it, as `schedules --json` shows it. */
export function scheduleView(schedule: Schedule): ScheduleView {
  const { lastRun, policy } = schedule;
  return {
    id: schedule.id,
    phase: schedulePhases.words([schedule.phase])[0] ?? 'pending',
    reason: schedule.reason,
    since: iso(schedule.since),
    enabled: schedule.enabled,
    schedule: text(schedule.schedule),
    zone: text(schedule.zone),
    next: iso(schedule.next),
    lastRun:
      lastRun === undefined
        ? null
        : {
            run: lastRun.run,
            state: runStates.words([lastRun.state])[0] ?? 'queued',
            ended: isoOf(lastRun.ended),
            reason: lastRun.reason,
          },
    failuresInRow: schedule.failuresInRow,
    line: schedule.line,
    hold: wishView(schedule.hold),
    policy: policy === undefined ? null : policyView(policy),
    name: text(schedule.name),
    runtime: text(schedule.runtime),
    version: text(schedule.version),
  };
}

type PolicyView = NonNullable<ScheduleView['policy']>;

/** What a server that is newer than this knows besides is shown as it calls it. */
const policyView = (policy: SchedulePolicy): PolicyView => ({
  misfire: {
    policy: policy.misfire as PolicyView['misfire']['policy'],
    max: policy.misfireMax,
    windowMs: msOf(policy.misfireWindow) ?? 0,
  },
  overlap: {
    policy: policy.overlap as PolicyView['overlap']['policy'],
    max: policy.overlapMax,
  },
  timeoutMs: msOf(policy.timeout) ?? 0,
  retries: policy.retries,
  retryDelayMs: msOf(policy.retryDelay) ?? 0,
  jitterMs: msOf(policy.jitter) ?? 0,
});

export async function readSchedule(api: Api, id: string): Promise<ScheduleView> {
  const { schedule } = await api.schedules.getSchedule({ id });
  // It is always there: else the call would have failed.
  return scheduleView(schedule ?? create(ScheduleSchema, { id }));
}

export const previewView = (preview: PreviewScheduleResponse): Preview => ({
  cron: preview.schedule,
  zone: preview.zone,
  times: preview.times.map(({ at, local }) => ({ utc: isoOf(at), zoneTime: local })),
  exhausted: preview.exhausted,
});
