import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Collections } from '../../../infra/mongo/collections.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import type { ExplanationSchema } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import type { ScheduleService } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { NotFound } from '../errors.ts';
import { pageOfSchedules } from '../schedule-list/page.ts';
import { readSchedule } from '../schedule-list/read.ts';
import type { ScheduleView } from '../schedule-list/view.ts';
import type { ScheduleControl } from '../schedules.ts';
import { callerKey } from './caller.ts';
import {
  previewMessage,
  scheduleFilter,
  scheduleMessage,
  scheduleOrder,
  schedulesMessage,
} from './schedule-messages.ts';
import { wishMessage } from './wish-message.ts';

export type ScheduleServiceDeps = {
  collections: Pick<Collections, 'schedules' | 'scheduleStatus' | 'holds'>;
  operator: ScheduleOperator;
  control: ScheduleControl;
  /** Why a schedule is as it is. */
  explain: (id: string, signal: AbortSignal) => Promise<MessageInitShape<typeof ExplanationSchema>>;
};

const PREVIEWED = 10;

export function scheduleService(deps: ScheduleServiceDeps): ServiceImpl<typeof ScheduleService> {
  const { collections, operator, control, explain } = deps;

  /** @throws NotFound */
  const read = async (id: string): Promise<ScheduleView> => {
    const view = await readSchedule(collections, operator, id);
    if (view === undefined) throw new NotFound('schedule', id);
    return view;
  };

  return {
    listSchedules: async ({ filter, order, page }) =>
      schedulesMessage(
        await pageOfSchedules(
          collections,
          operator,
          { filter: scheduleFilter(filter), order: scheduleOrder(order) },
          page ?? {},
        ),
      ),

    getSchedule: async ({ id }) => ({ schedule: scheduleMessage(await read(id)) }),

    explainSchedule: async ({ id }, { signal }) => {
      await read(id);
      return { explanation: await explain(id, signal) };
    },

    pauseSchedule: async ({ id, change, cancelRuns }, { values }) => {
      const { changed, hold, cancelled } = await control.pause({
        scheduleId: id,
        who: values.get(callerKey).name,
        why: change?.reason ?? '',
        cancelRuns,
      });
      return { changed, hold: wishMessage(hold), cancelled };
    },

    resumeSchedule: async ({ id }) => {
      const { changed, hold } = await control.resume({ scheduleId: id });
      return { changed, hold: wishMessage(hold) };
    },

    previewSchedule: async ({ of, count }) => {
      const times = count === 0 ? PREVIEWED : count;
      // Validated: it is one of the two.
      if (of.case !== 'cron')
        return previewMessage(await control.preview({ scheduleId: of.value ?? '', count: times }));
      const { text, zone } = of.value;
      return previewMessage(control.previewText({ text, count: times, ...(zone === '' ? {} : { zone }) }));
    },
  };
}
