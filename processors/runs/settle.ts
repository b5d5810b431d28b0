import type { ContainerDetail } from '../../infra/engine/port.ts';
import { messageOf } from '../../infra/message-of.ts';
import { backoffCeilingMs } from '../../model/backoff.ts';
import { durationText } from '../../model/duration.ts';
import type { Run } from '../../model/runs.ts';
import type { LastExit } from '../../model/status.ts';
import { EngineUnavailable } from '../../infra/engine/errors.ts';
import { exitOf } from '../exits.ts';
import { attemptOf, endRun } from './finish.ts';
import { keepEnded } from './keep.ts';
import { removeLaunchVolume } from './leftovers.ts';
import { again, fieldsOf, step, type StepResult, type TakenPass } from './pass.ts';
import type { RunChange } from './record.ts';
import { readResult, type RunResult } from './result.ts';
import { endInWords } from './words.ts';

/** Delays between attempts double up to this, or stay what was asked for where that is more. */
const RETRY_DELAY_MAX_MS = 3_600_000;

/**
 * The end of an attempt: what is left of it goes into the record before its container goes. One that we asked to end was cut
 * off, whatever exit code it left with; one that ended before we did, ended by itself.
 */
export async function settle(pass: TakenPass, container: ContainerDetail): Promise<StepResult> {
  const { deps, run } = pass;
  const { policy, clock } = deps;
  const stopping = run.stopping?.asked === true ? run.stopping : undefined;
  const [exit, result] = await Promise.all([
    exitOf(deps.engine, container, {
      requested: stopping !== undefined,
      lastOutputLines: policy.lastOutputLines,
      now: new Date(clock.now()),
    }),
    resultOf(pass, container.id),
  ]);
  const outcome = stopping?.outcome ?? (exit.exitCode === 0 ? 'succeeded' : 'failed');
  // What left with 0 says that it has done its work: doing it again could do harm.
  const isToRetry =
    (outcome === 'failed' || outcome === 'timed-out') && exit.exitCode !== 0 && retriesLeft(run) > 0;
  const reason = endInWords(exit, stopping);
  const evidence: RunChange['set'] = {
    endedAt: endedAt(run, exit, clock.now()),
    exitCode: exit.exitCode,
    oomKilled: exit.oomKilled,
    lastOutput: exit.lastOutput,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    ...result,
  };
  if (isToRetry) return retry(pass, container, { outcome, reason, evidence });
  return endRun(pass, outcome, reason, evidence);
}

/** The engine's clock says when, within what ours knows: they may differ. */
function endedAt(run: Run, exit: LastExit, nowMs: number): Date {
  return new Date(Math.max(run.startedAt?.getTime() ?? 0, Math.min(exit.at.getTime(), nowMs)));
}

/** A result that cannot be read is no reason to keep the run from ending; an engine that is away is one to wait. */
async function resultOf({ deps, leave }: TakenPass, containerId: string): Promise<RunResult> {
  try {
    return await readResult(deps.engine, containerId, { maxKb: deps.policy.resultMaxKb, signal: leave });
  } catch (error) {
    if (error instanceof EngineUnavailable || leave.aborted) throw error;
    return { resultProblem: `result.json could not be read: ${messageOf(error)}` };
  }
}

/** Attempts are counted on when a record is opened again; retries are counted from its first attempt since. */
const furtherAttempts = ({ attempt, limits }: Run): number => attempt - (limits?.firstAttempt ?? attempt);

const retriesLeft = (run: Run): number => (run.limits?.retries ?? 0) - furtherAttempts(run);

type Ended = { outcome: 'failed' | 'timed-out'; reason: string; evidence: RunChange['set'] };

async function retry(pass: TakenPass, container: ContainerDetail, ended: Ended): Promise<StepResult> {
  const { deps, run } = pass;
  const firstMs = run.limits?.retryDelayMs ?? 0;
  const delayMs = backoffCeilingMs(furtherAttempts(run) + 1, {
    firstMs,
    maxMs: Math.max(firstMs, RETRY_DELAY_MAX_MS),
  });
  // Nobody waits for an attempt that will not be made.
  const waitMs = run.cancel === undefined ? delayMs : 0;
  const reason = `Attempt ${run.attempt}: ${ended.reason} Tried again after ${durationText(waitMs)}.`;
  const retrying = await step(pass, {
    set: {
      ...ended.evidence,
      state: 'retrying',
      reason,
      nextAttemptAt: new Date(deps.clock.now() + waitMs),
    },
    unset: ['deadline', 'stopping', 'preparation'],
    push: attemptOf(run, ended.outcome, ended.reason, ended.evidence),
  });
  if (!retrying) return undefined;
  deps.log.warn({ ...fieldsOf(pass), waitMs }, reason);
  try {
    await keepEnded(deps.launching.keeping, container, pass.leave);
    await deps.engine.remove(container.id);
    await removeLaunchVolume(deps.engine, run._id);
  } catch (error) {
    // The next attempt finds it by its name, and removes it.
    deps.log.debug(
      { ...fieldsOf(pass), containerId: container.id, error: messageOf(error) },
      'An ended attempt stays for now',
    );
  }
  return again(waitMs, 'deferred');
}
