import type { HoldDocument } from '../../infra/mongo/collections.ts';
import { parseTiming } from '../../model/cron/parse.ts';
import { nominalsBetween, type Timing } from '../../model/cron/timing.ts';
import { runIdOf, type Run } from '../../model/runs.ts';
import {
  schedulePolicy,
  type ScheduleOperator,
  type SchedulePolicyOutcome,
} from '../../model/schedule-policy.ts';
import { isEnabled } from '../../model/bots.ts';
import type { ScheduleDocument, SchedulePolicy } from '../../model/schedules.ts';
import { decideTicks, jitterOf, type TickDecision } from '../../model/ticks.ts';
import type { ClaimedStatus } from './claims.ts';

/** What is read of a schedule's document. */
export type DueDocument = Pick<ScheduleDocument, 'id' | 'enabled' | 'config' | 'next_execution_time'>;

/** What is read of a record that is there already. */
export type ExistingRun = Pick<Run, '_id' | 'open' | 'cause' | 'due'>;

/** An operator's hold. */
export type DueHold = Pick<HoldDocument, 'who' | 'why'>;

/** How due ticks are treated: by the schedule's policy or, where it is not to tick any more, skipped for that reason. */
export type TickRule = { policy: SchedulePolicy } | { stopped: string };

/** A schedule of which ticks are due. */
export type DueSchedule = {
  status: ClaimedStatus;
  /** Absent where it was deleted. */
  document?: DueDocument | undefined;
  rule: TickRule;
  timing: Timing;
  /** Oldest first; empty where nothing is due after all. */
  nominals: number[];
  /** Whether more is due than `nominals`. */
  more: boolean;
};

/** What becomes of one nominal time. */
export type Tick = {
  nominalMs: number;
  runId: string;
  /** It came up while nobody handled ticks; never of a schedule that has stopped. */
  missed: boolean;
  runs: boolean;
  reason: string;
  /** To be made; absent where an earlier handler has made it. */
  record?: Run;
};

/** A run for the line and the queue. */
export type LinedRun = { runId: string; cause: string; dueMs: number; rank: number };

export type ScheduleLedger = {
  due: DueSchedule;
  ticks: Tick[];
  lined: LinedRun[];
  /** Runs that are to make room for a tick of this batch, and why. */
  cancels: { runIds: string[]; why: string }[];
  handledThrough: Date;
  /** Undefined where no further time comes, or the schedule does not tick any more. */
  nextAt: Date | undefined;
};

/**
 * What of a claimed schedule is due.
 * @throws Error where that cannot be told now, and may be later.
 */
export function dueOf(
  status: ClaimedStatus,
  seen: { document: DueDocument | undefined; hold: DueHold | undefined },
  options: { nowMs: number; limit: number; operator: ScheduleOperator },
): DueSchedule {
  const { document, hold } = seen;
  const outcome = document === undefined ? undefined : schedulePolicy(document, options.operator);
  // The planner announced these times by the timing in the status. Where the document says another by now, that there
  // shall be none, or nothing any more, what was due before is still due: from the planner's next look on, the document
  // counts.
  const isAsAnnounced =
    outcome?.ok === true && (status.timing === undefined || status.timing === outcome.timing.text);
  const known = isAsAnnounced ? outcome : announced(status);
  const rule =
    document === undefined || outcome === undefined
      ? { stopped: 'its schedule was deleted before this tick was handled' }
      : ruleOf(document, hold, outcome);
  const isInvalid =
    document !== undefined && isEnabled(document) && hold === undefined && outcome?.ok === false;
  const { timing, ...due } = known.ok
    ? { rule, timing: known.timing }
    : onlyAnnounced(status, rule, { isInvalid, problem: known.problem });
  const nominals = nominalsBetween(timing, handledThroughMs(status), options.nowMs, options.limit);
  return { status, document, ...due, timing, nominals, more: nominals.length === options.limit };
}

const announced = ({ timing }: ClaimedStatus): ReturnType<typeof parseTiming> =>
  timing === undefined
    ? { ok: false, field: 'schedule', problem: 'it has no times on record' }
    : parseTiming(timing, 'UTC');

/**
 * Of times that were announced by what cannot be read any more (a zone that this host does not know, say) only the next one
 * is known. Where the document says the same, whoever can read it will tell the rest; where it asks for something else,
 * or for nothing, nobody ever will, and that one tick is the last.
 * @throws Error
 */
function onlyAnnounced(
  { timing: text = '', nextAt }: ClaimedStatus,
  rule: TickRule,
  { isInvalid, problem }: { isInvalid: boolean; problem: string },
): Pick<DueSchedule, 'rule' | 'timing'> {
  if (isInvalid && text !== '') throw new Error(problem);
  const why = 'stopped' in rule ? rule.stopped : 'its schedule got other times before this tick was handled';
  const at = nextAt.getTime();
  return {
    rule: { stopped: `${why}, and which times were to follow cannot be told (${problem})` },
    timing: {
      text,
      cron: text,
      zone: 'UTC',
      next: (afterMs) => (afterMs < at ? at : undefined),
      previous: (atMs) => (atMs >= at ? at : undefined),
    },
  };
}

function ruleOf(document: DueDocument, hold: DueHold | undefined, outcome: SchedulePolicyOutcome): TickRule {
  if (!isEnabled(document)) return { stopped: 'its schedule was disabled before this tick was handled' };
  if (hold !== undefined)
    return {
      stopped: `its schedule was paused by ${hold.who}${hold.why === '' ? '' : ` (${hold.why})`} before this tick was handled`,
    };
  if (outcome.ok) return { policy: outcome.policy };
  return {
    stopped: `its schedule became invalid before this tick was handled: ${outcome.problems.join('; ')}`,
  };
}

const handledThroughMs = ({ handledThrough, nextAt }: ClaimedStatus): number =>
  handledThrough?.getTime() ?? nextAt.getTime() - 1;

export const tickIds = ({ status, nominals }: DueSchedule): string[] =>
  nominals.map((nominalMs) => runIdOf(status._id, new Date(nominalMs)));

/**
 * Decides every due time of a schedule that has no record yet. A record that is there counts as it is, whatever would be
 * decided now: an earlier handler made it, and crashed before its work was complete.
 */
export function ledgerOf(
  due: DueSchedule,
  existing: ReadonlyMap<string, ExistingRun>,
  { nowMs, misfireAfterMs }: { nowMs: number; misfireAfterMs: number },
): ScheduleLedger {
  const { status, rule, timing, nominals } = due;
  const policy = 'policy' in rule ? rule.policy : undefined;
  const runId = (nominalMs: number): string => runIdOf(status._id, new Date(nominalMs));
  const known = (nominalMs: number): ExistingRun | undefined => existing.get(runId(nominalMs));
  const before = new Set(status.line);
  const found = nominals.flatMap((nominalMs) => known(nominalMs) ?? []);
  const foundOpen = found.filter(({ open, _id }) => open === true && !before.has(_id));
  const undecided =
    found.length === 0 ? nominals : nominals.filter((nominalMs) => known(nominalMs) === undefined);
  const decided: TickDecision[] =
    'stopped' in rule
      ? undecided.map((nominalMs) => ({ nominalMs, run: false, reason: `Skipped: ${rule.stopped}` }))
      : decideTicks({
          nominals: undecided,
          nowMs,
          policy: rule.policy,
          timing,
          misfireAfterMs,
          line: [...status.line, ...foundOpen.map(({ _id }) => _id)],
          runId,
          jitter: jitterOf(status._id),
        });
  const decisions = new Map(decided.map((decision) => [decision.nominalMs, decision]));

  const line = [...status.line];
  const lined: LinedRun[] = [];
  const cancels: ScheduleLedger['cancels'] = [];
  const enter = (id: string, cause: string, dueMs: number, replaces: readonly string[]): void => {
    if (replaces.length > 0)
      cancels.push({ runIds: [...replaces], why: `${id} replaces it (overlap replace)` });
    if (!line.includes(id)) line.push(id);
    lined.push({ runId: id, cause, dueMs, rank: line.indexOf(id) });
  };

  const ticks = nominals.map((nominalMs): Tick => {
    const id = runId(nominalMs);
    const missed = policy !== undefined && nowMs - nominalMs > misfireAfterMs;
    const shared = { nominalMs, runId: id, missed };
    const there = known(nominalMs);
    if (there !== undefined) {
      if (there.open === true)
        enter(id, there.cause, there.due.getTime(), replacedBy(there, policy, lineBefore(line, id)));
      return { ...shared, runs: there.open === true, reason: 'an earlier handler recorded it' };
    }
    const decision = decisions.get(nominalMs);
    if (decision === undefined) throw new Error(`The tick ${id} was not decided`);
    if (decision.run) enter(id, decision.cause, decision.dueMs, decision.cancels);
    const record = recordOf(status._id, id, decision, nowMs);
    return { ...shared, runs: decision.run, reason: decision.reason, record };
  });
  const handledThrough = nominals.at(-1) ?? handledThroughMs(status);
  // Of a schedule that does not tick any more, what is due by now is all there is.
  const nextMs = policy === undefined && !due.more ? undefined : timing.next(handledThrough);
  return {
    due,
    ticks,
    lined,
    cancels,
    handledThrough: new Date(handledThrough),
    nextAt: nextMs === undefined ? undefined : new Date(nextMs),
  };
}

const lineBefore = (line: readonly string[], id: string): readonly string[] =>
  line.includes(id) ? line.slice(0, line.indexOf(id)) : line;

/** A caught-up run replaces nobody, and neither does one whose schedule has stopped: it will not start. */
const replacedBy = (
  run: ExistingRun,
  policy: SchedulePolicy | undefined,
  before: readonly string[],
): readonly string[] => (policy?.overlap.policy === 'replace' && run.cause === 'tick' ? before : []);

function recordOf(scheduleId: string, runId: string, decision: TickDecision, nowMs: number): Run {
  const now = new Date(nowMs);
  const nominal = new Date(decision.nominalMs);
  const shared = {
    _id: runId,
    scheduleId,
    kind: 'tick' as const,
    nominal,
    reason: decision.reason,
    createdAt: now,
    updatedAt: now,
    attempt: 0,
    attempts: [],
  };
  return decision.run
    ? { ...shared, due: new Date(decision.dueMs), state: 'queued', cause: decision.cause, open: true }
    : { ...shared, due: nominal, state: 'skipped', cause: 'tick', endedAt: now };
}
