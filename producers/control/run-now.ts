import { MongoServerError } from 'mongodb';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import { manualRunIdOf, type Run } from '../../model/runs.ts';
import { schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { causeOf, checkAsker, checkRequestId, type Asker } from './arguments.ts';
import { policyOf, readSchedule, type ControlDeps } from './context.ts';
import { InvalidRequest } from './errors.ts';
import { joinLine } from './line.ts';
import { checkOverride, type ConfigOverride } from './override.ts';
import { queueRuns } from './queue-runs.ts';

export type RunNowRequest = Asker & {
  scheduleId: string;
  /** The same id again is the same request; unset: one of its own. */
  requestId?: string;
  /** Parameters that replace the schedule's own for this run. */
  configOverride?: ConfigOverride;
};

/** `created`: false where the request had been made before. `notQueued`: why it waits for the reconciler. */
export type RunNowOutcome = { run: Run; created: boolean; notQueued?: string };

/**
 * Runs a schedule once, now, beside its ticks; in its line, so that its policy of overlap is kept. A disabled or paused
 * schedule runs too: that is what a person asks for by this.
 * @throws NotFound, InvalidRequest, ScheduleInvalid
 */
export async function runNow(deps: ControlDeps, request: RunNowRequest): Promise<RunNowOutcome> {
  const asker = checkAsker(request);
  const requestId = checkRequestId(request.requestId ?? deps.newId());
  const configOverride =
    request.configOverride === undefined ? undefined : checkOverride(request.configOverride);
  const document = await readSchedule(deps, request.scheduleId);
  policyOf(document, deps.operator);
  if (configOverride !== undefined) checkTogether(document, configOverride, deps.operator);

  const run = newRun(document.id, requestId, asker, configOverride, deps.now());
  const existing = await insertOnce(deps, run);
  // Whatever it still lacked when an earlier call broke off, the reconciler has given it or will.
  if (existing !== undefined) return { run: existing, created: false };
  const line = await joinLine(deps.collections.scheduleStatus, document.id, [run]);
  const notQueued = await queueRuns(deps, [run._id], run.cause, line);
  return { run, created: true, ...(notQueued === undefined ? {} : { notQueued }) };
}

/** The override may hold what the run itself goes by, such as its timeout. @throws InvalidRequest */
function checkTogether(
  document: ScheduleDocument,
  override: ConfigOverride,
  operator: ScheduleOperator,
): void {
  const outcome = schedulePolicy({ ...document, config: { ...document.config, ...override } }, operator);
  if (!outcome.ok)
    throw new InvalidRequest('configOverride', outcome.problems.join('; '), 'correct it in the override');
}

function newRun(
  scheduleId: string,
  requestId: string,
  asker: Asker,
  configOverride: ConfigOverride | undefined,
  now: Date,
): Run {
  return {
    _id: manualRunIdOf(scheduleId, requestId),
    scheduleId,
    kind: 'manual',
    nominal: now,
    due: now,
    state: 'queued',
    reason: 'It waits for a processor.',
    cause: causeOf('run now', asker),
    open: true,
    createdAt: now,
    updatedAt: now,
    attempt: 0,
    attempts: [],
    request: { id: requestId, ...asker, ...(configOverride === undefined ? {} : { configOverride }) },
  };
}

async function insertOnce({ collections }: ControlDeps, run: Run): Promise<Run | undefined> {
  try {
    await collections.runs.insertOne(run);
    return undefined;
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
    const existing = await collections.runs.findOne({ _id: run._id });
    if (existing === null) throw error;
    return existing;
  }
}
