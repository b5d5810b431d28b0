import type { Filter } from 'mongodb';
import { leavingLine } from '../../infra/mongo/leaving-line.ts';
import { beforeWhat, isFinal, isWaiting, type Run } from '../../model/runs.ts';
import { causeOf, checkReason, type Asker } from './arguments.ts';
import type { ControlDeps } from './context.ts';
import { NotFound } from './errors.ts';
import { queueNext, queueRuns } from './queue-runs.ts';

export type CancelRequest = Asker & { runId: string };

/**
 * `ended`: it waited, for its turn or its next attempt, and is over by this. `asked`: it ends as soon as its processor sees the wish. `already`:
 * somebody else has asked for the same. `over`: there was nothing to cancel any more.
 */
export type CancelOutcome = {
  outcome: 'ended' | 'asked' | 'already' | 'over';
  run: Run;
  notQueued?: string;
};

type Wish = NonNullable<Run['cancel']>;

/** A run that waits is looked at by processors, who may write just then why it does. */
const MAX_TRIES = 5;

/**
 * Ends a run that waits, asks for the end of one that has started.
 * @throws NotFound, InvalidRequest
 */
export async function cancelRun(deps: ControlDeps, request: CancelRequest): Promise<CancelOutcome> {
  const asker = checkReason(request);
  const { runs } = deps.collections;
  const wish: Wish = { ...asker, at: deps.now() };
  const ended = await endWaiting(deps, request.runId, wish);
  if (ended !== undefined) return leave(deps, ended);

  const run = await runs.findOneAndUpdate(
    { _id: request.runId, open: true, cancel: { $exists: false } },
    { $set: { cancel: wish, updatedAt: wish.at } },
    { returnDocument: 'after' },
  );
  if (run === null) {
    const existing = await read(deps, request.runId);
    return { outcome: isFinal(existing.state) ? 'over' : 'already', run: existing };
  }
  // Whoever watches a container sees the wish by itself; one that waits somewhere has to be looked at.
  const notQueued = await queueRuns(deps, [run._id], causeOf('cancelled', asker), undefined);
  return { outcome: 'asked', run, ...(notQueued === undefined ? {} : { notQueued }) };
}

/** @throws NotFound */
async function read({ collections }: ControlDeps, runId: string): Promise<Run> {
  const run = await collections.runs.findOne({ _id: runId });
  if (run === null) throw new NotFound('run', runId);
  return run;
}

/**
 * A run that waits, for its turn or for its next attempt, has no container that runs, so nobody else is needed for its end,
 * least of all a free place for its job, which may take hours to come. Undefined where it has started, or is over.
 * @throws NotFound
 */
async function endWaiting(deps: ControlDeps, runId: string, wish: Wish): Promise<Run | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const run = await read(deps, runId);
    if (!isWaiting(run)) return undefined;
    const ended = await end(deps, run, wish);
    if (ended !== null) return ended;
  }
  return undefined;
}

/**
 * A step as those of processors: made only if none of them has made one since, such as that which starts it, and under a name
 * of its own, so that none takes it for his.
 */
function end({ collections, newId }: ControlDeps, run: Run, wish: Wish): Promise<Run | null> {
  // Whoever asked before us is the one who cancelled it.
  const cancel = run.cancel ?? wish;
  const asSeen: Filter<Run> = { _id: run._id, state: run.state, steps: run.steps ?? { $exists: false } };
  return collections.runs.findOneAndUpdate(
    asSeen,
    {
      $set: {
        state: 'cancelled',
        reason: `Cancelled by ${cancel.who} (${cancel.why}) ${beforeWhat(run)}.`,
        cancel,
        endedAt: wish.at,
        updatedAt: wish.at,
        processor: `control/${newId()}`,
        steps: (run.steps ?? 0) + 1,
      },
      $unset: { open: '', deadline: '', nextAttemptAt: '', preparation: '', stopping: '' },
    },
    { returnDocument: 'after' },
  );
}

/** What a processor does after the end of a run. Should we end before, the reconciler does it. */
async function leave(deps: ControlDeps, run: Run): Promise<CancelOutcome> {
  const { filter, update } = leavingLine(run);
  await deps.collections.scheduleStatus.updateOne(filter, update);
  const notQueued = await queueNext(deps, run);
  return { outcome: 'ended', run, ...(notQueued === undefined ? {} : { notQueued }) };
}
