import type { Collections } from '../../../infra/mongo/collections.ts';
import type { ScheduleOperator } from '../../../model/schedule-policy.ts';
import type { ScheduleDocument } from '../../../model/schedules.ts';
import {
  byTrouble,
  SCHEDULE_PROJECTION,
  scheduleView,
  STATUS_PROJECTION,
  type ScheduleView,
  type StatusFacts,
} from './view.ts';

type Stores = Pick<Collections, 'schedules' | 'scheduleStatus' | 'holds'>;

/** All schedules, and those whose document is gone while a run of them is not over, trouble first. */
export async function readSchedules(stores: Stores, operator: ScheduleOperator): Promise<ScheduleView[]> {
  const [documents, statuses, holds] = await Promise.all([
    stores.schedules.find({}).project<ScheduleDocument>(SCHEDULE_PROJECTION).toArray(),
    stores.scheduleStatus.find({}).project<StatusFacts>(STATUS_PROJECTION).toArray(),
    stores.holds.find({}).toArray(),
  ]);
  const statusOf = new Map(statuses.map((status) => [status._id, status]));
  const holdOf = new Map(holds.map((hold) => [hold._id, hold]));
  const known = new Set(documents.map(({ id }) => id));
  const leaving = statuses.filter(({ _id }) => !known.has(_id));
  return [
    ...documents.map((document) => ({
      id: document.id,
      document,
      status: statusOf.get(document.id),
      hold: holdOf.get(document.id),
    })),
    ...leaving.map((status) => ({ id: status._id, status })),
  ]
    .map((facts) => scheduleView(facts, operator))
    .sort(byTrouble);
}

/** One schedule, or undefined where neither a document nor a status of that id exists. */
export async function readSchedule(
  stores: Stores,
  operator: ScheduleOperator,
  id: string,
): Promise<ScheduleView | undefined> {
  const [view] = await readSome(stores, operator, [id]);
  return view;
}

/** Those of the ids that there are, in their order. */
export async function readSome(
  stores: Stores,
  operator: ScheduleOperator,
  ids: readonly string[],
): Promise<ScheduleView[]> {
  const some = { _id: { $in: ids } };
  const [documents, statuses, holds] = await Promise.all([
    stores.schedules
      .find({ id: { $in: ids } })
      .project<ScheduleDocument>(SCHEDULE_PROJECTION)
      .toArray(),
    stores.scheduleStatus.find(some).project<StatusFacts>(STATUS_PROJECTION).toArray(),
    stores.holds.find(some).toArray(),
  ]);
  const documentOf = new Map(documents.map((document) => [document.id, document]));
  const statusOf = new Map(statuses.map((status) => [status._id, status]));
  const holdOf = new Map(holds.map((hold) => [hold._id, hold]));
  return ids.flatMap((id) => {
    const [document, status] = [documentOf.get(id), statusOf.get(id)];
    if (document === undefined && status === undefined) return [];
    return [scheduleView({ id, document, status, hold: holdOf.get(id) }, operator)];
  });
}
