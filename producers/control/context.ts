import type { Collections } from '../../infra/mongo/collections.ts';
import { POLICY_PATHS, schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import type { Timing } from '../../model/cron/timing.ts';
import type { ScheduleDocument, SchedulePolicy } from '../../model/schedules.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { NotFound, ScheduleInvalid } from './errors.ts';

export type ControlDeps = {
  collections: Pick<Collections, 'schedules' | 'scheduleStatus' | 'runs' | 'runRetention' | 'holds'>;
  /** Only wakes processors: while Redis is away, what is asked for waits on record, and the reconciler queues it. */
  queues: Pick<ScheduleQueues, 'addRuns'>;
  operator: ScheduleOperator;
  /** The installation's time, that of MongoDB: this host's may be hours off. */
  now: () => Date;
  newId: () => string;
};

/** What decides about a schedule here; its parameters and code do not. */
export const POLICY_FIELDS = { _id: 0, id: 1, ...POLICY_PATHS } as const;

/** @throws NotFound */
export async function readSchedule(
  { collections }: Pick<ControlDeps, 'collections'>,
  scheduleId: string,
): Promise<ScheduleDocument> {
  const document = await collections.schedules.findOne({ id: scheduleId }, { projection: POLICY_FIELDS });
  if (document === null) throw new NotFound('schedule', scheduleId);
  return document;
}

/** @throws ScheduleInvalid */
export function policyOf(
  document: ScheduleDocument,
  operator: ScheduleOperator,
): { policy: SchedulePolicy; timing: Timing } {
  const outcome = schedulePolicy(document, operator);
  if (!outcome.ok) throw new ScheduleInvalid(document.id, outcome.problems);
  return outcome;
}
