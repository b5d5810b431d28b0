import type { Run, RunAttempt, RunState } from '../../../model/runs.ts';

/** A run as `runs --json` shows it. Dates are ISO text, absent facts are null. */
export type RunView = {
  id: string;
  schedule: string;
  kind: Run['kind'];
  state: RunState;
  reason: string;
  cause: string;
  nominal: string;
  due: string;
  started: string | null;
  ended: string | null;
  deadline: string | null;
  nextAttempt: string | null;
  attempt: number;
  exitCode: number | null;
  signal: string | null;
  oomKilled: boolean;
  image: string | null;
  container: string | null;
  processor: string | null;
  /** Of the trace that it was started in. */
  traceId: string | null;
  cancel: { who: string; why: string; at: string } | null;
  /** Of a manual run. Of what was overridden, only the names: values may be exchange keys. */
  request: { id: string; who: string; why: string; overridden: string[] } | null;
};

/** The same with what makes it long, as `runs show --json` has it. */
export type RunDetails = RunView & {
  result: unknown;
  resultProblem: string | null;
  lastOutput: string[];
  attempts: AttemptView[];
};

export type AttemptView = {
  attempt: number;
  outcome: RunAttempt['outcome'];
  reason: string;
  started: string | null;
  ended: string;
  exitCode: number | null;
  signal: string | null;
  oomKilled: boolean;
  container: string | null;
  processor: string | null;
};

/** What a list does without. */
export const LIST_PROJECTION = { result: 0, lastOutput: 0, attempts: 0 } as const;
export type ListedRun = Omit<Run, keyof typeof LIST_PROJECTION>;

const iso = (date: Date | undefined): string | null => date?.toISOString() ?? null;

export function runView(run: ListedRun): RunView {
  const { cancel, request } = run;
  return {
    id: run._id,
    schedule: run.scheduleId,
    kind: run.kind,
    state: run.state,
    reason: run.reason,
    cause: run.cause,
    nominal: run.nominal.toISOString(),
    due: run.due.toISOString(),
    started: iso(run.startedAt),
    ended: iso(run.endedAt),
    deadline: iso(run.deadline),
    nextAttempt: iso(run.nextAttemptAt),
    attempt: run.attempt,
    exitCode: run.exitCode ?? null,
    signal: run.signal ?? null,
    oomKilled: run.oomKilled ?? false,
    image: run.image ?? null,
    container: run.containerId ?? null,
    processor: run.processor ?? null,
    traceId: run.traceId ?? null,
    cancel: cancel === undefined ? null : { ...cancel, at: cancel.at.toISOString() },
    request:
      request === undefined
        ? null
        : {
            id: request.id,
            who: request.who,
            why: request.why,
            overridden: Object.keys(request.configOverride ?? {}),
          },
  };
}

export function runDetails(run: Run): RunDetails {
  return {
    ...runView(run),
    result: run.result ?? null,
    resultProblem: run.resultProblem ?? null,
    lastOutput: run.lastOutput ?? [],
    attempts: run.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      outcome: attempt.outcome,
      reason: attempt.reason,
      started: iso(attempt.startedAt),
      ended: attempt.endedAt.toISOString(),
      exitCode: attempt.exitCode ?? null,
      signal: attempt.signal ?? null,
      oomKilled: attempt.oomKilled ?? false,
      container: attempt.containerId ?? null,
      processor: attempt.processor ?? null,
    })),
  };
}
