import type { ContainerState, Engine } from '../../infra/engine/port.ts';
import type { Logger, OutageLog } from '../../infra/logger.ts';
import type { BackoffPolicy } from '../../model/backoff.ts';
import type { FinalRunState, Run } from '../../model/runs.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { Outcome } from '../../queues/metrics.ts';
import type { LauncherDeps } from '../launch.ts';
import type { HandlerResult } from '../job-worker.ts';
import type { CancelWatch, Look } from './cancel-watch.ts';
import type { Lines } from './line.ts';
import type { RunChange, RunRecords } from './record.ts';
import type { ScheduleReader } from './schedules.ts';

/** The part of `ScheduleQueues` that is used. */
export type RunQueue = {
  addRuns(items: readonly { runId: string; cause: string; delayMs?: number; rank?: number }[]): Promise<void>;
};

export type RunDeps = {
  engine: Engine;
  launching: LauncherDeps;
  records: RunRecords;
  schedules: Pick<ScheduleReader, 'read'>;
  lines: Lines;
  cancels: CancelWatch;
  queues: RunQueue;
  operator: ScheduleOperator;
  /** Names this process in records. */
  owner: string;
  policy: {
    stopGraceMs: number;
    lastOutputLines: number;
    resultMaxKb: number;
    /** Between tries to start by circumstance; `config.retries` have their own. */
    backoff: BackoffPolicy;
  };
  /** `now`: the trusted one, epoch milliseconds. */
  clock: { now: () => number; monotonicMs: () => number; random: () => number };
  engineOutage: OutageLog;
  log: Logger;
  onRunEnded: (state: FinalRunState) => void;
};

/** What a step leaves with: a result for the queue, or undefined where the record has to be looked at again. */
export type StepResult = HandlerResult | undefined;

/** What one look at the container leads to: on with watching, or the end of it. */
export type Looked = 'on' | { result: StepResult };

/** Everything one handler works with on one run. */
export type Pass = {
  deps: RunDeps;
  /** As it was last read or written. */
  run: Run;
  /** This handler's name in the record: no other one, of this process or another, has the same. */
  processor: string;
  /** Of the job. */
  cause: string;
  /** Aborts when the processor stops or goes out of service: the run is handed back. */
  leave: AbortSignal;
  /** Called when the watch begins. */
  onWatch: () => void;
};

/** A pass whose run bears our name. */
export type TakenPass = Pass & {
  look: Look;
  /** Aborts for whatever reason there is not to go on. */
  signal: AbortSignal;
  /** The deadline on record, and when that is by the monotonic clock. */
  deadline?: { onRecordMs: number; monotonicMs: number };
  /** What the container was at the last look, and since when without a break, by the monotonic clock. */
  seen?: { state: ContainerState; sinceMs: number };
};

/**
 * A delayed job looks at its run so often at least. Whoever changes something about a run that waits (cancels it, leaves the
 * line before it) wakes its job; this is for the case that nobody could.
 */
const LOOK_EVERY_MS = 600_000;
const BUSY_MS = 1_000;

export const again = (afterMs: number, outcome?: Outcome): HandlerResult => ({
  kind: 'again',
  afterMs: Math.ceil(Math.min(afterMs, LOOK_EVERY_MS)),
  ...(outcome === undefined ? {} : { outcome }),
});

/** Another handler is at the run; should it die, this job looks again. */
export const busy = (): HandlerResult => again(BUSY_MS);

/** Every run that is `preparing` or further has limits; the operator's default stands in for the type. */
export const timeoutMsOf = ({ operator }: RunDeps, { limits }: Run): number =>
  limits?.timeoutMs ?? operator.timeoutMs;

export const fieldsOf = ({ run, cause }: Pick<Pass, 'run' | 'cause'>): Record<string, unknown> => ({
  scheduleId: run.scheduleId,
  runId: run._id,
  cause,
  attempt: run.attempt,
});

/** Makes a step, and keeps the run as it is after it; false where somebody else has made another one. */
export async function step(pass: Pass, change: RunChange): Promise<boolean> {
  const after = await pass.deps.records.change(pass.run, pass.processor, change);
  if (after === undefined) return false;
  pass.run = after;
  return true;
}
