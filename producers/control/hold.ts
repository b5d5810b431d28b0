import type { HoldDocument } from '../../infra/mongo/collections.ts';
import { checkReason, type Asker } from './arguments.ts';
import { cancelRun } from './cancel-run.ts';
import { readSchedule, type ControlDeps } from './context.ts';

/** `changed`: false where it was so already. `cancelled`: runs that were asked to end with it. */
export type PauseOutcome = { changed: boolean; hold: HoldDocument; cancelled: string[] };
export type ResumeOutcome = { changed: boolean; hold?: HoldDocument };

/**
 * Holds a schedule: it ticks no more, whatever its owner wants, until it is resumed. A run that is on goes on, unless
 * `cancelRuns`: then all that are not over are cancelled. The first hold stays as it is, with its who and why.
 * @throws NotFound, InvalidRequest
 */
export async function pauseSchedule(
  deps: ControlDeps,
  request: Asker & { scheduleId: string; cancelRuns?: boolean },
): Promise<PauseOutcome> {
  const asker = checkReason(request);
  const { id } = await readSchedule(deps, request.scheduleId);
  const held = await hold(deps, id, asker);
  return { ...held, cancelled: request.cancelRuns === true ? await cancelOpen(deps, id, asker) : [] };
}

/** Only once the hold is there, so that no tick adds one meanwhile. */
async function cancelOpen(deps: ControlDeps, scheduleId: string, asker: Asker): Promise<string[]> {
  const open = await deps.collections.runs
    .find({ scheduleId, open: true }, { projection: { _id: 1 } })
    .sort({ nominal: -1 })
    .toArray();
  const cancelled: string[] = [];
  for (const { _id: runId } of open)
    if ((await cancelRun(deps, { runId, ...asker })).outcome !== 'over') cancelled.push(runId);
  return cancelled;
}

async function hold(deps: ControlDeps, id: string, asker: Asker): Promise<Omit<PauseOutcome, 'cancelled'>> {
  const { holds } = deps.collections;
  const wanted: HoldDocument = { _id: id, ...asker, at: deps.now() };
  const { who, why, at } = wanted;
  const { upsertedCount } = await holds.updateOne(
    { _id: id },
    { $setOnInsert: { who, why, at } },
    { upsert: true },
  );
  if (upsertedCount > 0) return { changed: true, hold: wanted };
  return { changed: false, hold: (await holds.findOne({ _id: id })) ?? wanted };
}

/**
 * Lifts the hold. What would have ticked meanwhile is not made up for: a backfill does that where it is wanted.
 * @throws NotFound
 */
export async function resumeSchedule(
  deps: ControlDeps,
  request: { scheduleId: string },
): Promise<ResumeOutcome> {
  const { id } = await readSchedule(deps, request.scheduleId);
  const hold = await deps.collections.holds.findOneAndDelete({ _id: id });
  return hold === null ? { changed: false } : { changed: true, hold };
}
