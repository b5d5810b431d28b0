import { RUN_FIELDS_OF_AN_ATTEMPT, type Run } from '../../model/runs.ts';
import { runsAtOnce } from '../../model/schedule-policy.ts';
import { behindItsPlace, decideStart } from './decide.ts';
import { callNext } from './finish.ts';
import { step, type Pass, type StepResult } from './pass.ts';
import type { RunChange } from './record.ts';
import type { ScheduleNow } from './schedules.ts';

/** No schedule was ever allowed more runs at once. */
const MOST_BEHIND = 100;
/** What beginning an attempt takes out of a record, or puts there. */
const BEGUN = [...RUN_FIELDS_OF_AN_ATTEMPT, 'limits', 'preparation'] as const;

/** Lets a run wait for its turn: whoever leaves the line calls it. */
export async function waitInLine(pass: Pass, reason: string): Promise<StepResult> {
  if (pass.run.reason !== reason && !(await step(pass, { set: { reason } }))) return undefined;
  return { kind: 'done', outcome: 'deferred', reason };
}

/** Why a run has to wait although the line lets it in. Where no more are in line than may go at once, nobody is asked. */
export async function placeTaken(
  { deps }: Pass,
  run: Run,
  { line, atOnce }: { line: readonly string[]; atOnce: number },
): Promise<string | undefined> {
  if (run.state === 'preparing' || line.length <= atOnce) return undefined;
  const atWork = await deps.records.atWork(line.slice(atOnce, atOnce + MOST_BEHIND));
  return reasonOf(behindItsPlace(run, { line, atOnce, atWork }));
}

/**
 * A run was let in because its schedule allowed several at once. Should that have changed meanwhile, another one may be let
 * in by what is allowed now, at the same moment, neither seeing the other. So it looks again once its record says that it is
 * at work: of the two, at least the one that wrote last sees the other, or what is allowed now. Then it gives its place back,
 * as if it had not begun: nothing of it has run. `before`: as it was. Undefined where it may go on.
 */
export async function lookAgain(
  pass: Pass,
  before: Run,
  atOnceBefore: number,
): Promise<{ result: StepResult } | undefined> {
  // The first of one run at once is the first, whatever changes.
  if (atOnceBefore === 1) return undefined;
  const { deps } = pass;
  const schedule = await deps.schedules.read(before.scheduleId);
  if (runsAtOnce(schedule.document, deps.operator) >= atOnceBefore) return undefined;
  const reason = await whyNot(pass, before, schedule);
  if (reason === undefined) return undefined;
  if (!(await step(pass, asBefore(before, reason)))) return { result: undefined };
  // Where each of two gives way to the other, the last to do so calls the first.
  await callNext(pass, `run ${before._id} gave its place back`);
  return { result: { kind: 'done', outcome: 'deferred', reason } };
}

async function whyNot(pass: Pass, before: Run, schedule: ScheduleNow): Promise<string | undefined> {
  const { operator, clock } = pass.deps;
  const decision = decideStart(before, schedule, operator, clock.now());
  if (decision.kind === 'go')
    return placeTaken(pass, before, { line: schedule.line, atOnce: decision.atOnce });
  return reasonOf(decision);
}

/** Other reasons not to start are those of the next look at a run. */
const reasonOf = (decision: ReturnType<typeof behindItsPlace>): string | undefined =>
  decision?.kind === 'in-line' ? decision.reason : undefined;

function asBefore(before: Run, reason: string): RunChange {
  const kept = BEGUN.filter((field) => before[field] !== undefined);
  return {
    set: {
      ...Object.fromEntries(kept.map((field) => [field, before[field]])),
      state: before.state,
      attempt: before.attempt,
      reason,
    },
    unset: BEGUN.filter((field) => before[field] === undefined),
  };
}
