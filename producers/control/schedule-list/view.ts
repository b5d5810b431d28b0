import { isEnabled } from '../../../model/bots.ts';
import { cronInWords, zoneInWords } from '../../../model/cron/parse.ts';
import type { HoldDocument } from '../../../infra/mongo/collections.ts';
import type { RunState } from '../../../model/runs.ts';
import { POLICY_PATHS, schedulePolicy, type ScheduleOperator } from '../../../model/schedule-policy.ts';
import type { SchedulePhase, ScheduleStatus } from '../../../model/schedule-status.ts';
import type { ScheduleDocument, SchedulePolicy } from '../../../model/schedules.ts';

/** `pending`: nobody has looked at it yet. */
export const VIEW_PHASES = ['active', 'pending', 'paused', 'disabled', 'invalid', 'gone'] as const;
export type ViewPhase = SchedulePhase | 'pending';

/** A schedule as `schedules --json` shows it. Dates are ISO text, absent facts are null. Never the bot's config. */
export type ScheduleView = {
  id: string;
  phase: ViewPhase;
  reason: string;
  since: string | null;
  enabled: boolean;
  /** As its owner wrote it. */
  schedule: string | null;
  zone: string | null;
  next: string | null;
  lastRun: { run: string; state: RunState; ended: string; reason: string } | null;
  failuresInRow: number;
  /** Runs that are not over, in line. */
  line: string[];
  hold: { who: string; why: string; at: string } | null;
  policy: Pick<
    SchedulePolicy,
    'misfire' | 'overlap' | 'timeoutMs' | 'retries' | 'retryDelayMs' | 'jitterMs'
  > | null;
  name: string | null;
  runtime: string | null;
  version: string | null;
};

/** The parts of a document that a view is made of: a config may hold exchange keys and is not fetched as a whole. */
export const SCHEDULE_PROJECTION = {
  _id: 0,
  id: 1,
  enabled: 1,
  'config.enabled': 1,
  'config.name': 1,
  ...POLICY_PATHS,
  'custom.version': 1,
  'custom.config.name': 1,
  'custom.config.runtime': 1,
  'custom.config.version': 1,
} as const;

export const STATUS_PROJECTION = { claim: 0, handledThrough: 0 } as const;
export type StatusFacts = Omit<ScheduleStatus, 'claim' | 'handledThrough'>;

/** What is known of one schedule. `document` is absent for one that was deleted and has a run that is not over. */
export type ScheduleFacts = {
  id: string;
  document?: ScheduleDocument | undefined;
  status?: StatusFacts | undefined;
  hold?: HoldDocument | undefined;
};

const UNSEEN = 'Nothing has looked at it yet: is a bot-scheduler or `up` running?';
const MAX_TEXT = 100;

export function scheduleView(facts: ScheduleFacts, operator: ScheduleOperator): ScheduleView {
  const { id, document, status, hold } = facts;
  const outcome = document === undefined ? undefined : schedulePolicy(document, operator);
  const found = outcome?.ok === true ? outcome.policy : undefined;
  const { lastRun } = status ?? {};
  return {
    id,
    phase: status?.phase ?? 'pending',
    reason: reasonOf(status),
    since: status?.since?.toISOString() ?? null,
    enabled: document !== undefined && isEnabled(document),
    schedule: absentOr(cronInWords, document?.config?.['schedule']),
    zone: status?.zone ?? found?.zone ?? absentOr(zoneInWords, document?.config?.['timezone']),
    next: status?.nextAt?.toISOString() ?? null,
    lastRun:
      lastRun === undefined
        ? null
        : {
            run: lastRun.runId,
            state: lastRun.state,
            ended: lastRun.endedAt.toISOString(),
            reason: lastRun.reason,
          },
    failuresInRow: status?.failuresInRow ?? 0,
    line: status?.line ?? [],
    hold: hold === undefined ? null : { who: hold.who, why: hold.why, at: hold.at.toISOString() },
    policy: found === undefined ? null : policyFacts(found),
    name: document === undefined ? null : nameOf(document),
    runtime: text(document?.custom?.config?.runtime),
    version: text(document?.custom?.version) ?? text(document?.custom?.config?.version),
  };
}

const absentOr = (how: (value: unknown) => string, value: unknown): string | null =>
  value === undefined || value === null ? null : how(value).slice(0, MAX_TEXT);

function reasonOf(status: StatusFacts | undefined): string {
  const { reason = UNSEEN, stuck } = status ?? {};
  return stuck === undefined
    ? reason
    : `${reason} Since ${stuck.since.toISOString()} its ticks cannot be worked out (${stuck.reason}); none is given up, and it is tried again each half minute.`;
}

function policyFacts(policy: SchedulePolicy): ScheduleView['policy'] {
  const { misfire, overlap, timeoutMs, retries, retryDelayMs, jitterMs } = policy;
  return { misfire, overlap, timeoutMs, retries, retryDelayMs, jitterMs };
}

/** Trouble first, then what is on its way, then what is well; by id among equals. */
export function byTrouble(one: ScheduleView, other: ScheduleView): number {
  return rank(one) - rank(other) || (one.id < other.id ? -1 : 1);
}

const RANKS: readonly ViewPhase[] = ['invalid', 'gone', 'pending', 'active', 'paused', 'disabled'];

function rank({ phase, failuresInRow }: ScheduleView): number {
  return phase === 'active' && failuresInRow > 0 ? 0.5 : RANKS.indexOf(phase);
}

/** The instance's, else that of its definition. */
export const nameOf = ({ config, custom }: Pick<ScheduleDocument, 'config' | 'custom'>): string | null =>
  text(config?.['name']) ?? text(custom?.config?.name);

/** Somebody may have pasted anything there. */
const text = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null;
