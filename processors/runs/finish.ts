import { messageOf } from '../../infra/message-of.ts';
import { mayGo, whoGoesNext, type FinalRunState, type Run, type RunAttempt } from '../../model/runs.ts';
import { runsAtOnce } from '../../model/schedule-policy.ts';
import { runContainerName } from '../../model/names.ts';
import type { HandlerResult } from '../job-worker.ts';
import { NotKept } from '../keeping.ts';
import { removeLaunchVolume, removeLeftContainer } from './leftovers.ts';
import type { RunChange } from './record.ts';
import { again, fieldsOf, step, type Pass, type StepResult } from './pass.ts';

/** How soon what could not be removed is tried again. */
const CLEAN_UP_AGAIN_MS = 5_000;

/**
 * Writes the last state of a run, acknowledged by the majority, and only then does what follows from it. `set`: what is
 * known of its end.
 */
export async function endRun(
  pass: Pass,
  state: FinalRunState,
  reason: string,
  set: RunChange['set'] = {},
): Promise<StepResult> {
  const { deps } = pass;
  const ended = await step(pass, {
    set: { endedAt: new Date(deps.clock.now()), ...set, state, reason },
    unset: ['open', 'deadline', 'nextAttemptAt', 'preparation', 'stopping'],
  });
  if (!ended) return undefined;
  deps.onRunEnded(state);
  const fields = { ...fieldsOf(pass), state, reason, exitCode: pass.run.exitCode };
  if (state === 'failed' || state === 'timed-out') deps.log.warn(fields, 'Run ended');
  else deps.log.info(fields, 'Run ended');
  return afterEnd(pass);
}

/**
 * What follows from the end of a run, as often as it takes: it leaves the line, the next one is called, its container and
 * launch volume go. In this order, so that nothing of it is lost: whoever dies in between leaves a job that does the rest.
 */
export async function afterEnd(pass: Pass): Promise<HandlerResult> {
  const { deps, run } = pass;
  await deps.lines.leave(run);
  await callNext(pass, `run ${run._id} is over`);
  if (run.attempt === 0) return resultOf(run);
  try {
    await removeContainer(pass);
    await removeLaunchVolume(deps.engine, run._id);
  } catch (error) {
    deps.log.warn({ ...fieldsOf(pass), error: messageOf(error) }, 'What a run left could not be removed yet');
    // Its output waits in the container for object storage: the sweep sees to it, however long that takes.
    if (!(error instanceof NotKept)) return again(CLEAN_UP_AGAIN_MS);
  }
  return resultOf(run);
}

function resultOf({ state, reason }: Run): HandlerResult {
  if (state === 'failed' || state === 'timed-out') return { kind: 'failed', outcome: 'failed', reason };
  return { kind: 'done', outcome: state === 'succeeded' ? 'succeeded' : 'superseded', reason };
}

/** Those that may go now, for whatever `why` says, and are not at work. One that is lost on the way the reconciler calls. */
export async function callNext({ deps, run }: Pass, why: string): Promise<void> {
  const { document, line } = await deps.schedules.read(run.scheduleId);
  const atOnce = runsAtOnce(document, deps.operator);
  const first = await Promise.all(mayGo(line, atOnce).map((runId) => deps.records.read(runId)));
  const next = whoGoesNext(
    why,
    { line, atOnce, nowMs: deps.clock.now() },
    first.filter((each) => each !== undefined),
  );
  if (next.length === 0) return;
  try {
    await deps.queues.addRuns(next);
  } catch (error) {
    deps.log.warn({ runId: run._id, error: messageOf(error) }, 'The next run could not be queued yet');
  }
}

/** What a run that is over may have left. In a record that was opened again since, nothing of the new attempt is meant. */
async function removeContainer(pass: Pass): Promise<void> {
  const { engine, policy, launching, log } = pass.deps;
  const container = await engine.inspect(runContainerName(engine.installation, pass.run._id));
  if (container === undefined) return;
  await removeLeftContainer(
    { engine, keeping: launching.keeping, stopGraceMs: policy.stopGraceMs, log },
    pass.run,
    container,
    pass.leave,
  );
}

/** What the record keeps of an attempt that another one follows. */
export function attemptOf(
  run: Run,
  outcome: RunAttempt['outcome'],
  reason: string,
  set: RunChange['set'],
): RunAttempt {
  const { attempt, startedAt, exitCode, signal, oomKilled, containerId, processor, endedAt } = {
    ...run,
    ...set,
  };
  return {
    attempt,
    outcome,
    reason,
    endedAt: endedAt ?? run.updatedAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(oomKilled === undefined ? {} : { oomKilled }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(processor === undefined ? {} : { processor }),
  };
}
