import { messageOf } from '../../infra/message-of.ts';
import { currentTraceparent } from '../../infra/tracing/tracing.ts';
import { mayGo, whoGoesNext, type Run } from '../../model/runs.ts';
import { runsAtOnce } from '../../model/schedule-policy.ts';
import type { EnqueueRun } from '../../queues/schedule-queues.ts';
import { POLICY_FIELDS, type ControlDeps } from './context.ts';

/**
 * Wakes the processors for runs that are on record: their jobs come now, whatever they were delayed for. Resolves with what
 * went wrong, where it did: that is no failure of the operation, since the reconciler queues open runs that have no job.
 */
export function queueRuns(
  deps: Pick<ControlDeps, 'queues'>,
  runIds: readonly string[],
  cause: string,
  line: readonly string[] | undefined,
): Promise<string | undefined> {
  const traceparent = currentTraceparent();
  return queueAll(
    deps,
    runIds.map((runId) => ({ runId, cause, rank: Math.max(0, line?.indexOf(runId) ?? 0), traceparent })),
  );
}

/**
 * The same for those that may go now that `left` has left the line and are not at work. It has its own job still: the sooner
 * that is taken, the sooner goes what an earlier attempt of it may have left.
 */
export async function queueNext(deps: ControlDeps, left: Run): Promise<string | undefined> {
  const { schedules, scheduleStatus, runs } = deps.collections;
  const { scheduleId } = left;
  const [document, status] = await Promise.all([
    schedules.findOne({ id: scheduleId }, { projection: POLICY_FIELDS }),
    scheduleStatus.findOne({ _id: scheduleId }, { projection: { line: 1 } }),
  ]);
  const line = status?.line ?? [];
  const atOnce = runsAtOnce(document, deps.operator);
  const first = await runs.find({ _id: { $in: [...mayGo(line, atOnce)] } }).toArray();
  const next = whoGoesNext(`run ${left._id} is over`, { line, atOnce, nowMs: deps.now().getTime() }, first);
  const own = left.attempt === 0 ? [] : [{ runId: left._id, cause: left.reason }];
  return queueAll(deps, [...next, ...own]);
}

async function queueAll(
  { queues }: Pick<ControlDeps, 'queues'>,
  items: readonly EnqueueRun[],
): Promise<string | undefined> {
  if (items.length === 0) return undefined;
  try {
    await queues.addRuns(items);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
