import { MongoServerError, type UpdateFilter } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import type { Overlap } from '../../model/schedules.ts';
import { RUN_FIELDS_OF_AN_ATTEMPT, type Run } from '../../model/runs.ts';
import { causeOf, checkReason, type Asker } from './arguments.ts';
import {
  decideBackfill,
  lastAttemptOf,
  nominalsOfSpan,
  type BackfillItem,
  type Span,
} from './backfill-plan.ts';
import { policyOf, readSchedule, type ControlDeps } from './context.ts';
import { joinLine } from './line.ts';
import { queueRuns } from './queue-runs.ts';

export type BackfillPlan = { scheduleId: string; zone: string; overlap: Overlap; items: BackfillItem[] };

/** `begun`: of the items, those whose runs are on record now. */
export type BackfillOutcome = BackfillPlan & { begun: string[]; notQueued?: string };

const WAITS = 'It waits for its turn.';

/**
 * What a backfill would do, and why; does nothing.
 * @throws NotFound, InvalidRequest, ScheduleInvalid, TooMuch
 */
export async function planBackfill(
  deps: ControlDeps,
  request: Span & { scheduleId: string },
): Promise<BackfillPlan> {
  const document = await readSchedule(deps, request.scheduleId);
  const { policy, timing } = policyOf(document, deps.operator);
  const now = deps.now();
  const nominals = nominalsOfSpan(timing, request, now.getTime());
  const { runs, scheduleStatus, runRetention } = deps.collections;
  const [first, last] = [nominals[0], nominals.at(-1)];
  // Before the records: a time that is handled by then has its record when they are read.
  const status = await scheduleStatus.findOne({ _id: document.id }, { projection: { handledThrough: 1 } });
  const records =
    first === undefined || last === undefined
      ? []
      : await runs
          .find(
            { scheduleId: document.id, nominal: { $gte: first, $lte: last } },
            { projection: { state: 1, reason: 1 } },
          )
          .toArray();
  // After them: retention writes it before it deletes, so it tells of every record that was gone when they were read.
  const retention = await runRetention.findOne({ _id: document.id });
  return {
    scheduleId: document.id,
    zone: policy.zone,
    overlap: policy.overlap,
    items: decideBackfill(document.id, nominals, records, {
      now,
      handledThrough: status?.handledThrough,
      recordsFrom: retention?.recordsFrom,
    }),
  };
}

/**
 * Makes up for nominal times that have no record, or whose record says that nothing came of them; in line, oldest first.
 * One that succeeded, or is not over, is never touched: each record is reopened only if it still says what the decision
 * was made by. May be repeated: what is open by then is left alone.
 * @throws NotFound, InvalidRequest, ScheduleInvalid, TooMuch
 */
export async function backfill(
  deps: ControlDeps,
  request: Asker & Span & { scheduleId: string },
): Promise<BackfillOutcome> {
  const asker = checkReason(request);
  const plan = await planBackfill(deps, request);
  const cause = causeOf('backfill', asker);
  const opened: Opened[] = [];
  for (const item of plan.items) {
    const run =
      item.action === 'new'
        ? await insert(deps, plan.scheduleId, item, cause)
        : item.action === 'again'
          ? await reopen(deps, item, cause)
          : undefined;
    if (run !== undefined) opened.push(run);
  }
  const begun = opened.map(({ _id }) => _id);
  if (begun.length === 0) return { ...plan, begun };
  const line = await joinLine(deps.collections.scheduleStatus, plan.scheduleId, opened);
  const notQueued = await queueRuns(deps, begun, cause, line);
  return { ...plan, begun, ...(notQueued === undefined ? {} : { notQueued }) };
}

/** `steps`: of a record that was over, those made by then; nobody makes one before it is in line. */
type Opened = Pick<Run, '_id' | 'steps'>;

/** Undefined where somebody else made a record meanwhile. */
async function insert(
  { collections, now }: ControlDeps,
  scheduleId: string,
  { runId, nominal }: BackfillItem,
  cause: string,
): Promise<Opened | undefined> {
  const at = now();
  try {
    await collections.runs.insertOne({
      _id: runId,
      scheduleId,
      kind: 'tick',
      nominal,
      due: nominal,
      state: 'queued',
      reason: WAITS,
      cause,
      open: true,
      createdAt: at,
      updatedAt: at,
      attempt: 0,
      attempts: [],
    });
    return { _id: runId };
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return undefined;
    throw error;
  }
}

/** What was said of the earlier opening, and is decided or found out anew. */
const OUTDATED: Readonly<Record<string, ''>> = Object.fromEntries(
  [
    ...RUN_FIELDS_OF_AN_ATTEMPT,
    ...(['limits', 'preparation', 'cancel'] as const satisfies readonly (keyof Run)[]),
  ].map((field) => [field, '']),
);

/** Undefined where the record has changed since it was decided about. */
async function reopen(
  { collections, now }: ControlDeps,
  { runId, state }: BackfillItem,
  cause: string,
): Promise<Opened | undefined> {
  const run = await collections.runs.findOne({ _id: runId });
  if (run === null || run.state !== state) return undefined;
  // Whoever ended it has still to take it out of the line, and would take out the reopened one.
  const leaving = await collections.scheduleStatus.countDocuments({ _id: run.scheduleId, line: runId });
  if (leaving > 0) return undefined;
  const ended = lastAttemptOf(run);
  const update: UpdateFilter<Run> = {
    $set: { state: 'queued', open: true, reason: WAITS, cause, updatedAt: now() },
    $unset: OUTDATED,
    ...(ended === undefined ? {} : { $push: { attempts: ended } }),
  };
  const { modifiedCount } = await collections.runs.updateOne(
    { _id: runId, state: run.state, attempt: run.attempt, updatedAt: run.updatedAt },
    update,
  );
  return modifiedCount === 1 ? run : undefined;
}
