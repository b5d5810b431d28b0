import type { Collection } from 'mongodb';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';

/** Alarms ring within milliseconds, and a handler is through with a batch soon after. */
const OVERDUE_AFTER_MS = 500;

/**
 * Wakes a tick handler where a schedule should have ticked by now and has not: its alarm was lost, or rings by a clock that
 * is off. One call is enough for all of them, since a handler handles everything that is due. False where nothing is.
 */
export async function callForOverdue(
  statuses: Collection<ScheduleStatus>,
  queues: Pick<ScheduleQueues, 'addTick'>,
  nowMs: number,
): Promise<boolean> {
  const [longest] = await statuses
    .find({ nextAt: { $lte: new Date(nowMs - OVERDUE_AFTER_MS) } })
    .sort({ nextAt: 1 })
    .limit(1)
    .project<Pick<ScheduleStatus, '_id' | 'nextAt'>>({ nextAt: 1 })
    .toArray();
  if (longest?.nextAt === undefined) return false;
  await queues.addTick(longest._id, `overdue since ${longest.nextAt.toISOString()}`);
  return true;
}
