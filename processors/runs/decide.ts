import { botIdProblem, isEnabled } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { beforeWhat, isAskedFor, waitsUntilMs, type Run, type RunLimits } from '../../model/runs.ts';
import {
  POLICY_KEYS,
  schedulePolicy,
  type ScheduleOperator,
  type SchedulePolicyOutcome,
} from '../../model/schedule-policy.ts';
import type { ScheduleDocument, SchedulePolicy } from '../../model/schedules.ts';
import { cancelledInWords } from './words.ts';
import type { ScheduleNow } from './schedules.ts';

export type Decision =
  /** Not its time yet. */
  | { kind: 'later'; afterMs: number }
  | { kind: 'over'; state: 'cancelled' | 'failed'; reason: string }
  /** Others of its schedule go first: whoever leaves the line calls it. */
  | { kind: 'in-line'; reason: string }
  /** `document`: with the run's own parameters in place of the schedule's. `atOnce`: so many runs of its schedule go at once. */
  | { kind: 'go'; document: ScheduleDocument; limits: RunLimits; atOnce: number };

type Undecided = Exclude<Decision, { kind: 'go' }>;

/**
 * Whether a run that has no container may get one now. What was to end with the schedule's being disabled, paused or
 * deleted ends so as long as it has not started; only what a person asked for runs although its schedule does not.
 */
export function decideStart(
  run: Run,
  schedule: ScheduleNow,
  operator: ScheduleOperator,
  nowMs: number,
): Decision {
  if (run.cancel !== undefined)
    return { kind: 'over', state: 'cancelled', reason: cancelledInWords(run.cancel, beforeWhat(run)) };
  const at = waitsUntilMs(run);
  if (at > nowMs) return { kind: 'later', afterMs: at - nowMs };
  const { document } = schedule;
  if (document === undefined)
    return { kind: 'over', state: 'cancelled', reason: `Its schedule was deleted ${beforeWhat(run)}.` };
  const policy = schedulePolicy(document, operator);
  return (
    ofDisabled(run, document, schedule) ??
    (policy.ok ? ofLine(run, schedule.line, policy.policy) : undefined) ??
    withOwnParameters(run, document, policy, operator)
  );
}

function ofDisabled(run: Run, document: ScheduleDocument, { hold }: ScheduleNow): Undecided | undefined {
  if (isAskedFor(run)) return undefined;
  const over = (reason: string): Undecided => ({ kind: 'over', state: 'cancelled', reason });
  if (!isEnabled(document)) return over(`Its schedule was disabled ${beforeWhat(run)}.`);
  if (hold !== undefined)
    return over(`Its schedule was paused by ${hold.who} (${hold.why}) ${beforeWhat(run)}.`);
  return undefined;
}

/**
 * A run that was let in by the line goes on with what it began. A further attempt is let in anew: the schedule may allow
 * fewer runs at once by now, and those before it need not have ended.
 */
function ofLine(run: Run, line: readonly string[], { overlap }: SchedulePolicy): Undecided | undefined {
  if (run.state === 'preparing') return undefined;
  const place = line.indexOf(run._id);
  if (place === -1)
    return { kind: 'in-line', reason: 'It waits to be put into the line of its schedule’s runs.' };
  if (place < overlap.max) return undefined;
  return {
    kind: 'in-line',
    reason:
      overlap.max === 1
        ? `It waits in line: run ${line[0]} goes first.`
        : `It waits in line: ${overlap.max} runs of its schedule may go at once, ${place} are before it.`,
  };
}

/**
 * Those that were let in when the schedule allowed more runs at once may be at work behind the places of today: each of them
 * takes one, the last one first. `atWork`: who of those behind is.
 */
export function behindItsPlace(
  run: Run,
  { line, atOnce, atWork }: { line: readonly string[]; atOnce: number; atWork: readonly string[] },
): Undecided | undefined {
  if (line.indexOf(run._id) + atWork.length < atOnce) return undefined;
  return { kind: 'in-line', reason: `It waits in line: run ${atWork[0]} is still at work.` };
}

function withOwnParameters(
  run: Run,
  schedule: ScheduleDocument,
  policy: SchedulePolicyOutcome,
  operator: ScheduleOperator,
): Decision {
  const override = run.request?.configOverride;
  const document =
    override === undefined ? schedule : { ...schedule, config: { ...schedule.config, ...override } };
  const idProblem = botIdProblem(document.id);
  if (idProblem !== undefined) return invalid([`${idProblem}. Delete the schedule and create it anew`]);
  // What is wrong with the schedule itself is not mended by an override: its line could not be read.
  const own = policy.ok && override !== undefined ? schedulePolicy(document, operator) : policy;
  if (!own.ok) return invalid(own.problems);
  const { timeoutMs, retries, retryDelayMs } = own.policy;
  const limits =
    run.state === 'queued' || run.limits === undefined
      ? { timeoutMs, retries, retryDelayMs, firstAttempt: run.attempt + (run.state === 'preparing' ? 0 : 1) }
      : run.limits;
  const ended = run.state === 'preparing' ? run.attempt - 1 : run.attempt;
  const runsNow = fingerprintOfRuns(document);
  const isFurther = ended >= limits.firstAttempt;
  if (isFurther && limits.fingerprint !== undefined && limits.fingerprint !== runsNow)
    return {
      kind: 'over',
      state: 'failed',
      reason: `Not tried again: its configuration or code changed after attempt ${ended}.`,
    };
  return {
    kind: 'go',
    document,
    limits: isFurther ? limits : { ...limits, fingerprint: runsNow },
    atOnce: policy.ok ? policy.policy.overlap.max : 1,
  };
}

/** When and how often a schedule runs is no part of what it does. */
const WHEN_TO_RUN: ReadonlySet<string> = new Set(POLICY_KEYS);

function fingerprintOfRuns(document: ScheduleDocument): string {
  const config = Object.fromEntries(
    Object.entries(document.config ?? {}).filter(([key]) => !WHEN_TO_RUN.has(key)),
  );
  return fingerprint({ ...document, config });
}

const invalid = (problems: readonly string[]): Undecided => ({
  kind: 'over',
  state: 'failed',
  reason: `It cannot run: ${problems.join('; ')}.`,
});
