import type { Filter, UpdateFilter } from 'mongodb';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';

type EndedRun = Pick<Run, '_id' | 'scheduleId' | 'state' | 'steps' | 'endedAt' | 'updatedAt' | 'reason'>;

/**
 * Takes a run out of its schedule's line and keeps how it ended; whoever ends runs, or mends what such a one left undone,
 * does it by this. The record must be final by now. Counts it only once, however often it is done: a run is in its line
 * once. A run that was opened again since stays: it has made no step yet when it enters the line, and whoever ends it will
 * have made one.
 */
export function leavingLine({ _id, scheduleId, state, steps, endedAt, updatedAt, reason }: EndedRun): {
  filter: Filter<ScheduleStatus>;
  update: UpdateFilter<ScheduleStatus>;
} {
  const failed = state === 'failed' || state === 'timed-out';
  return {
    filter: {
      _id: scheduleId,
      line: _id,
      entered: { $not: { $elemMatch: { runId: _id, steps: { $gte: steps ?? 0 } } } },
    },
    update: {
      $pull: { line: _id, entered: { runId: _id } },
      $set: {
        lastRun: { runId: _id, state, endedAt: endedAt ?? updatedAt, reason },
        ...(state === 'succeeded' ? { failuresInRow: 0 } : {}),
      },
      ...(failed ? { $inc: { failuresInRow: 1 } } : {}),
    },
  };
}
