/** A run: one execution of a schedule, named by its nominal time. Kept in `<runtime database>.runs`. */

/** What a run passes through (the first four), and what it ends as (the rest). */
export const OPEN_RUN_STATES = ['queued', 'preparing', 'running', 'retrying'] as const;
export const FINAL_RUN_STATES = ['succeeded', 'failed', 'timed-out', 'cancelled', 'skipped'] as const;
export const RUN_STATES = [...OPEN_RUN_STATES, ...FINAL_RUN_STATES] as const;

export type FinalRunState = (typeof FINAL_RUN_STATES)[number];
export type RunState = (typeof RUN_STATES)[number];

/** An attempt that is over. */
export type RunAttempt = {
  attempt: number;
  outcome: Exclude<FinalRunState, 'skipped'>;
  reason: string;
  startedAt?: Date;
  endedAt: Date;
  exitCode?: number;
  signal?: string;
  oomKilled?: boolean;
  containerId?: string;
  processor?: string;
};

/**
 * What a run keeps to from its first attempt on, whatever its schedule says later. Decided anew when it is opened again.
 */
export type RunLimits = {
  /** From the start of an attempt's container to its SIGTERM. */
  timeoutMs: number;
  retries: number;
  /** Before the first further attempt; doubles. */
  retryDelayMs: number;
  /** Which attempt was the first: a backfill goes on counting. */
  firstAttempt: number;
  /** Of the config and code that the first attempt ran with: another attempt runs with the same, or not at all. */
  fingerprint?: string;
};

export type Run = {
  /** `runIdOf` or `manualRunIdOf`: unique on schedule and nominal time, or on schedule and request. */
  _id: string;
  scheduleId: string;
  kind: 'tick' | 'manual';
  /** Of a manual run: when it was asked for. */
  nominal: Date;
  /** Nominal time and jitter. */
  due: Date;
  state: RunState;
  /** In plain words: why it is in this state. */
  reason: string;
  /** What asked for it: `tick`, `caught up`, `run now by NAME: WHY`, `backfill by NAME: WHY`. */
  cause: string;
  /** Whether it is not final yet; absent once it is, so that a partial index holds the open ones alone. */
  open?: true;
  createdAt: Date;
  updatedAt: Date;
  /** Which attempt is the present or last one; 0 before the first. */
  attempt: number;
  /** Of the present or last attempt: written before its container is started. */
  startedAt?: Date;
  endedAt?: Date;
  /** When the present attempt is stopped. */
  deadline?: Date;
  nextAttemptAt?: Date;
  containerId?: string;
  image?: string;
  /** Who is at it, or was last: a processor's name and, after the slash, which of its takings. Whoever wrote it last. */
  processor?: string;
  /** Of the trace that its last attempt was started in, hex; absent where that was not traced. */
  traceId?: string;
  /** Counts what handlers wrote: each writes only if nobody has since it read. */
  steps?: number;
  limits?: RunLimits;
  /** Of the present attempt: since when it is to start, and how often circumstances kept it from that. */
  preparation?: { since: Date; failures: number };
  /**
   * That its container is to be stopped, and why; `asked`: it was seen to run since, and the engine is being told to stop it.
   * Both are written before they are done, so that whoever sees the end knows whether it came by itself.
   */
  stopping?: { outcome: 'timed-out' | 'cancelled'; reason: string; at: Date; asked?: true };
  exitCode?: number;
  signal?: string;
  oomKilled?: boolean;
  /** The object that the bot wrote as its result, and why it is missing where one was written. */
  result?: unknown;
  resultProblem?: string;
  lastOutput?: string[];
  /** Attempts that were to be followed by another one, oldest first. */
  attempts: RunAttempt[];
  cancel?: { who: string; why: string; at: Date };
  /** Of a manual run. */
  request?: { id: string; who: string; why: string; configOverride?: Readonly<Record<string, unknown>> };
};

export const isFinal = (state: RunState): state is FinalRunState =>
  (FINAL_RUN_STATES as readonly string[]).includes(state);

/**
 * What tells of one attempt, or of one opening, and would be untrue of the next: whoever opens a record again takes them
 * out.
 */
export const RUN_FIELDS_OF_AN_ATTEMPT = [
  'startedAt',
  'endedAt',
  'deadline',
  'nextAttemptAt',
  'containerId',
  'image',
  'exitCode',
  'signal',
  'oomKilled',
  'result',
  'resultProblem',
  'lastOutput',
  'stopping',
] as const satisfies readonly (keyof Run)[];

/** Whether a person asked for it: then it runs although its schedule is disabled or paused. */
export const isAskedFor = (run: Pick<Run, 'kind' | 'cause'>): boolean =>
  run.kind === 'manual' || /^(run now|backfill) by /.test(run.cause);

/**
 * Before this moment a run has nothing to do; epoch milliseconds of the trusted clock, 0 where it waits for nothing. Jitter
 * and the wait before a further attempt are of the run, and no job of it that comes early cuts them short.
 */
export function waitsUntilMs({
  state,
  due,
  nextAttemptAt,
  cancel,
}: Pick<Run, 'state' | 'due' | 'nextAttemptAt'> & { cancel?: unknown }): number {
  if (cancel !== undefined) return 0;
  if (state === 'queued') return due.getTime();
  return state === 'preparing' || state === 'retrying' ? (nextAttemptAt?.getTime() ?? 0) : 0;
}

/** It has no container and nobody is at it: what waits for its turn, or for its next attempt. */
export const isWaiting = ({ state }: Pick<Run, 'state'>): boolean =>
  state === 'queued' || state === 'retrying';

/** Completes a sentence about a run that waits: what was to come next. */
export const beforeWhat = ({ state, attempt }: Pick<Run, 'state' | 'attempt'>): string =>
  state === 'retrying' ? `before attempt ${attempt + 1}` : 'before it started';

/** A run that is to be looked at, for its queue. */
export type RunCall = { runId: string; cause: string; rank: number; delayMs: number };

/** The part of a line that may go. */
export const mayGo = (line: readonly string[], atOnce: number): readonly string[] => line.slice(0, atOnce);

/**
 * Who goes next in a schedule's line, now that there is room in it, and `why`: those of `seen` that may go and are not at
 * work. Each is called for when it has something to do.
 */
export function whoGoesNext(
  why: string,
  { line, atOnce, nowMs }: { line: readonly string[]; atOnce: number; nowMs: number },
  seen: readonly Pick<Run, '_id' | 'state' | 'due' | 'nextAttemptAt' | 'cancel' | 'cause'>[],
): RunCall[] {
  const first = mayGo(line, atOnce);
  return seen
    .filter((run) => isWaiting(run) && first.includes(run._id))
    .map((run) => ({
      runId: run._id,
      cause: `${run.cause}; ${why}`,
      rank: first.indexOf(run._id),
      delayMs: Math.max(0, waitsUntilMs(run) - nowMs),
    }));
}

/** `20261124T100000Z`: nominal times are whole seconds. */
export const nominalText = (nominal: Date): string =>
  nominal
    .toISOString()
    .replace(/\.\d{3}Z$/, 'Z')
    .replaceAll(/[-:]/g, '');

/** A bot id never holds an `@`. */
export const runIdOf = (scheduleId: string, nominal: Date): string => `${scheduleId}@${nominalText(nominal)}`;

export const manualRunIdOf = (scheduleId: string, requestId: string): string =>
  `${scheduleId}@now-${requestId}`;
