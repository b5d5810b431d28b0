import type { Collection, Document } from 'mongodb';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';

/**
 * Puts open runs at the end of their schedule's line, those that are not in it yet, in one write. To be called once their
 * records exist: a run that is in no line does not start, so that nothing is started between the two; and where we end
 * between the two, the reconciler finds an open run that is in no line. Whoever ended one of them earlier does not take it
 * out any more.
 *
 * Returns the line as it is then, or undefined where nobody has looked at the schedule yet: the reconciler will.
 */
export async function joinLine(
  statuses: Collection<ScheduleStatus>,
  scheduleId: string,
  runs: readonly Pick<Run, '_id' | 'steps'>[],
): Promise<readonly string[] | undefined> {
  const status = await statuses.findOneAndUpdate(
    { _id: scheduleId },
    [{ $set: { ...lineWith(runs.map(({ _id }) => _id)), ...entriesWith(runs) } }],
    { returnDocument: 'after', projection: { line: 1 } },
  );
  return status?.line;
}

function lineWith(runIds: readonly string[]): Document {
  const line = { $ifNull: ['$line', []] };
  const newcomers = {
    $filter: { input: { $literal: runIds }, cond: { $not: [{ $in: ['$$this', line] }] } },
  };
  return { line: { $concatArrays: [line, newcomers] } };
}

/** Runs that no handler has been at need none: nobody has ended them. */
function entriesWith(runs: readonly Pick<Run, '_id' | 'steps'>[]): Document {
  const entries = runs.flatMap(({ _id, steps }) => (steps === undefined ? [] : { runId: _id, steps }));
  if (entries.length === 0) return {};
  const runIds = entries.map(({ runId }) => runId);
  const others = {
    $filter: {
      input: { $ifNull: ['$entered', []] },
      cond: { $not: [{ $in: ['$$this.runId', { $literal: runIds }] }] },
    },
  };
  return { entered: { $concatArrays: [others, { $literal: entries }] } };
}
