import {
  isGiven,
  isObject,
  readChoice,
  readCount,
  readDuration,
  readObject,
  wordList,
} from './config-fields.ts';
import { minGapMs, parseTiming } from './cron/parse.ts';
import type { Timing } from './cron/timing.ts';
import { durationText } from './duration.ts';
import {
  MISFIRE_POLICIES,
  OVERLAP_POLICIES,
  type Misfire,
  type Overlap,
  type ScheduleDocument,
  type SchedulePolicy,
} from './schedules.ts';
import { shown } from './shown.ts';

/** What the operator gives a schedule that says nothing, and the most that one may ask for. */
export type ScheduleOperator = {
  /** Of schedules that set no `config.timezone`. */
  zone: string;
  /** No schedule may fire more often. */
  minIntervalMs: number;
  misfireWindowMs: number;
  fireAllCeiling: number;
  overlapCeiling: number;
  timeoutMs: number;
  timeoutCeilingMs: number;
  retriesCeiling: number;
};

/** `problems` say, each in a sentence, which field is wrong, why, and what would be right. */
export type SchedulePolicyOutcome =
  { ok: true; policy: SchedulePolicy; timing: Timing } | { ok: false; problems: string[] };

/** Of a schedule's config: when it runs and how often, and nothing of what it does then. */
export const POLICY_KEYS = [
  'schedule',
  'timezone',
  'misfire',
  'overlap',
  'timeout',
  'retries',
  'jitter',
] as const;

/** The same as paths in a document, for whoever reads no more of it: the rest of a config holds its owner's keys. */
export const POLICY_PATHS = Object.fromEntries(POLICY_KEYS.map((key) => [`config.${key}`, 1])) as Readonly<
  Record<`config.${(typeof POLICY_KEYS)[number]}`, 1>
>;

const SECOND_MS = 1000;
const RETRY_DELAY_MS = 10 * SECOND_MS;
const RETRY_DELAY_MOST_MS = 24 * 3_600_000;

/**
 * When and how a schedule runs, from its instance config (contract §2.3): `POLICY_KEYS`, all but the first
 * optional. What cannot be done as written is a problem and never a
 * guess, since money rides on it. All problems are named at once.
 */
export function schedulePolicy(
  document: ScheduleDocument,
  operator: ScheduleOperator,
): SchedulePolicyOutcome {
  const problems: string[] = [];
  const config: Config = isObject(document.config) ? document.config : {};
  const timing = readTiming(problems, config, operator);
  const gapMs =
    timing !== undefined && (operator.minIntervalMs > SECOND_MS || isGiven(config.jitter))
      ? minGapMs(timing)
      : Infinity;
  if (gapMs < operator.minIntervalMs)
    problems.push(
      `config.schedule ${JSON.stringify(timing?.cron.slice(0, 60))} fires every ${durationText(gapMs)} at its most frequent: ` +
        `the operator allows every ${durationText(operator.minIntervalMs)} at most`,
    );
  const policy = {
    misfire: readMisfire(problems, config.misfire, operator),
    overlap: readOverlap(problems, config.overlap, operator),
    timeoutMs: readTimeout(problems, config.timeout, operator),
    ...readRetries(problems, config.retries, operator),
    jitterMs: readJitter(problems, config.jitter, gapMs),
  };
  if (problems.length > 0 || timing === undefined) return { ok: false, problems };
  return { ok: true, policy: { cron: timing.cron, zone: timing.zone, ...policy }, timing };
}

/** Of a schedule that cannot be read, or is gone, one run after the other: what it asks for is not known. */
export function runsAtOnce(
  document: ScheduleDocument | null | undefined,
  operator: ScheduleOperator,
): number {
  const outcome = document ? schedulePolicy(document, operator) : undefined;
  return outcome?.ok === true ? outcome.policy.overlap.max : 1;
}

type Config = Readonly<Partial<Record<(typeof POLICY_KEYS)[number], unknown>>>;

/** Stands in for a schedule where only the zone is looked at, and for a zone where only the schedule is. */
const ANY = { cron: '@hourly', zone: 'UTC' };

function readTiming(problems: string[], config: Config, operator: ScheduleOperator): Timing | undefined {
  const { schedule, timezone } = config;
  const zone = isGiven(timezone) ? timezone : operator.zone;
  // Looked at apart, so that both mistakes are named, and a wrong zone even where the cron text has a `CRON_TZ=` of its own.
  const ofZone = parseTiming(ANY.cron, zone);
  if (!ofZone.ok)
    problems.push(
      isGiven(timezone)
        ? ofZone.problem
        : `config.timezone is not set, and the operator's own (SCHEDULE_TIMEZONE) cannot be used: ask the operator, or write the name of a zone such as "Europe/Berlin" or "UTC"`,
    );
  const ofSchedule = parseTiming(schedule, ofZone.ok ? zone : ANY.zone);
  if (ofSchedule.ok) return ofSchedule.timing;
  problems.push(ofSchedule.problem);
  return undefined;
}

function readMisfire(problems: string[], value: unknown, operator: ScheduleOperator): Misfire {
  const field = 'config.misfire';
  const { policy, parts } = readPolicy(problems, field, value, {
    words: MISFIRE_POLICIES,
    initial: 'fire-once',
    keys: ['policy', 'max', 'window'],
    example: '{"policy": "fire-all", "max": 10, "window": "6h"}',
  });
  const most = operator.fireAllCeiling;
  let max = policy === 'fire-all' ? most : policy === 'skip' ? 0 : 1;
  if (hasMeaning(problems, `${field}.max`, parts.max, policy, ['fire-all']))
    max = readCount(problems, `${field}.max`, parts.max, { least: 1, most }) ?? max;
  let windowMs = operator.misfireWindowMs;
  if (hasMeaning(problems, `${field}.window`, parts.window, policy, ['fire-once', 'fire-all']))
    windowMs = readDuration(problems, `${field}.window`, parts.window, { least: SECOND_MS }) ?? windowMs;
  return { policy: policy ?? 'skip', max, windowMs };
}

function readOverlap(problems: string[], value: unknown, operator: ScheduleOperator): Overlap {
  const field = 'config.overlap';
  const { policy, parts } = readPolicy(problems, field, value, {
    words: OVERLAP_POLICIES,
    initial: 'forbid',
    keys: ['policy', 'max'],
    example: '{"policy": "allow", "max": 3}',
  });
  const most = operator.overlapCeiling;
  let max = policy === 'allow' ? most : 1;
  if (hasMeaning(problems, `${field}.max`, parts.max, policy, ['allow']))
    max = readCount(problems, `${field}.max`, parts.max, { least: 1, most }) ?? max;
  return { policy: policy ?? 'forbid', max };
}

type KnownPolicy<Word extends string, Part extends string> = {
  words: readonly Word[];
  initial: Word;
  keys: readonly ('policy' | Part)[];
  /** The object form, as a person would write it. */
  example: string;
};

/** A policy is a word, or an object with the word as `policy` and what belongs to it. No policy: the word was wrong. */
function readPolicy<Word extends string, Part extends string>(
  problems: string[],
  field: string,
  value: unknown,
  known: KnownPolicy<Word, Part>,
): { policy: Word | undefined; parts: Partial<Record<'policy' | Part, unknown>> } {
  if (!isGiven(value)) return { policy: known.initial, parts: {} };
  if (isObject(value)) {
    const parts = readObject(problems, field, value, known.keys);
    const word = parts.policy;
    const policy = isGiven(word) ? readChoice(problems, `${field}.policy`, word, known.words) : known.initial;
    return { policy, parts };
  }
  if (typeof value === 'string')
    return { policy: readChoice(problems, field, value, known.words), parts: {} };
  problems.push(
    `${field} is ${shown(value)}: write ${wordList(known.words, 'or')}, or an object such as ${known.example}`,
  );
  return { policy: undefined, parts: {} };
}

/** Whether a part is given, and is one that the policy knows: else its writer expects what will not happen. */
function hasMeaning(
  problems: string[],
  field: string,
  part: unknown,
  policy: string | undefined,
  policies: readonly string[],
): boolean {
  if (!isGiven(part)) return false;
  if (policy === undefined || policies.includes(policy)) return true;
  problems.push(
    `${field} means nothing where the policy is ${JSON.stringify(policy)}: leave it out, or make the policy ${wordList(policies, 'or')}`,
  );
  return false;
}

function readTimeout(problems: string[], value: unknown, operator: ScheduleOperator): number {
  if (!isGiven(value)) return operator.timeoutMs;
  // An operator who raises the default and forgets the ceiling means the default.
  const most = Math.max(operator.timeoutMs, operator.timeoutCeilingMs);
  return readDuration(problems, 'config.timeout', value, { least: SECOND_MS, most }) ?? operator.timeoutMs;
}

function readRetries(
  problems: string[],
  value: unknown,
  operator: ScheduleOperator,
): Pick<SchedulePolicy, 'retries' | 'retryDelayMs'> {
  const field = 'config.retries';
  const bounds = { least: 0, most: operator.retriesCeiling };
  if (!isGiven(value)) return { retries: 0, retryDelayMs: RETRY_DELAY_MS };
  if (!isObject(value)) {
    const otherwise = ', or an object such as {"count": 2, "delay": "30s"}';
    const retries = readCount(problems, field, value, { ...bounds, otherwise }) ?? 0;
    return { retries, retryDelayMs: RETRY_DELAY_MS };
  }
  const { count, delay } = readObject(problems, field, value, ['count', 'delay']);
  let retries = 0;
  if (isGiven(count)) retries = readCount(problems, `${field}.count`, count, bounds) ?? 0;
  else
    problems.push(`${field}.count is missing: write a whole number from ${bounds.least} to ${bounds.most}`);
  let retryDelayMs = RETRY_DELAY_MS;
  if (isGiven(delay))
    retryDelayMs =
      readDuration(problems, `${field}.delay`, delay, { least: SECOND_MS, most: RETRY_DELAY_MOST_MS }) ??
      RETRY_DELAY_MS;
  return { retries, retryDelayMs };
}

/** A tick is due before the next one's nominal time, so that runs keep the order of their ticks. */
function readJitter(problems: string[], value: unknown, gapMs: number): number {
  if (!isGiven(value)) return 0;
  const jitterMs = readDuration(problems, 'config.jitter', value, { least: 0 }) ?? 0;
  if (jitterMs > gapMs)
    problems.push(
      `config.jitter is ${shown(value)}, and the schedule fires every ${durationText(gapMs)} at its most frequent: write no more than that`,
    );
  return jitterMs;
}
