import { recordedTraceId } from '../../infra/tracing/tracing.ts';
import { isFinal, RUN_FIELDS_OF_AN_ATTEMPT } from '../../model/runs.ts';
import type { HandlerResult } from '../job-worker.ts';
import { decideStart, type Decision } from './decide.ts';
import { afterEnd, endRun } from './finish.ts';
import { lookAgain, placeTaken, waitInLine } from './let-in.ts';
import {
  again,
  busy,
  fieldsOf,
  step,
  type Pass,
  type RunDeps,
  type StepResult,
  type TakenPass,
} from './pass.ts';
import { startRun } from './start.ts';
import { watchRun } from './watch.ts';

/** What changes faster than we can follow is left to the next look. */
const MAX_ROUNDS = 20;

/**
 * Does with one run whatever is to be done with it now: lets it wait, starts it, watches it, ends it. Reads the record,
 * makes one step from what it says, and reads again; so it makes no difference which handler made the step before, nor
 * where it died. `onWatch`: its container may run from now on, and we watch it.
 */
export async function executeRun(
  deps: RunDeps,
  job: { runId: string; cause: string },
  leave: AbortSignal,
  onWatch: () => void = () => undefined,
): Promise<HandlerResult> {
  const processor = `${deps.owner}/${deps.launching.newId()}`;
  let taken = false;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (leave.aborted) return again(0);
    const run = await deps.records.read(job.runId);
    if (run === undefined)
      return { kind: 'done', outcome: 'superseded', reason: `There is no run ${job.runId} on record` };
    const pass: Pass = { deps, run, processor, cause: job.cause, leave, onWatch };
    if (isFinal(run.state)) return afterEnd(pass);
    // Somebody took over from us. If we took it back, and they did, nobody would get anything done.
    if (taken && run.processor !== processor) return busy();
    const result = run.state === 'running' ? await takeOver(pass) : await begin(pass);
    if (result !== undefined) return result;
    taken ||= pass.run.processor === processor;
  }
  return busy();
}

/** A run that has no container, as far as its record tells. */
async function begin(pass: Pass): Promise<StepResult> {
  const { deps, run } = pass;
  const schedule = await deps.schedules.read(run.scheduleId);
  const decision = decideStart(run, schedule, deps.operator, deps.clock.now());
  switch (decision.kind) {
    case 'later':
      return again(decision.afterMs);
    case 'over':
      return endRun(pass, decision.state, decision.reason);
    case 'in-line':
      return waitInLine(pass, decision.reason);
    case 'go': {
      const wait = await placeTaken(pass, run, { line: schedule.line, atOnce: decision.atOnce });
      return wait === undefined ? go(pass, decision) : waitInLine(pass, wait);
    }
  }
}

async function go(
  pass: Pass,
  { document, limits, atOnce }: Extract<Decision, { kind: 'go' }>,
): Promise<StepResult> {
  const { run, deps } = pass;
  const begins = run.state !== 'preparing';
  // Where people find what led to this attempt, and what was done.
  const traceId = recordedTraceId();
  const claimed = await step(pass, {
    set: {
      state: 'preparing',
      limits,
      ...(traceId === undefined ? {} : { traceId }),
      ...(begins
        ? {
            attempt: run.attempt + 1,
            reason: 'It is being started.',
            preparation: { since: new Date(deps.clock.now()), failures: 0 },
          }
        : {}),
    },
    unset: [
      ...(begins ? RUN_FIELDS_OF_AN_ATTEMPT : (['nextAttemptAt'] as const)),
      ...(traceId === undefined && run.traceId !== undefined ? (['traceId'] as const) : []),
    ],
    where: { cancel: { $exists: false } },
  });
  if (!claimed) return undefined;
  const back = begins ? await lookAgain(pass, run, atOnce) : undefined;
  return back === undefined ? whileTaken(pass, (mine) => startRun(mine, document)) : back.result;
}

/** A run whose container was announced: whoever had it died, or has lost it to us. */
async function takeOver(pass: Pass): Promise<StepResult> {
  const before = pass.run.processor;
  if (before !== pass.processor) {
    if (!(await step(pass, { set: {} }))) return undefined;
    pass.deps.log.info({ ...fieldsOf(pass), before }, 'Run taken over');
  }
  return whileTaken(pass, watchRun);
}

async function whileTaken(pass: Pass, work: (mine: TakenPass) => Promise<StepResult>): Promise<StepResult> {
  using look = pass.deps.cancels.watch(pass.run._id, pass.processor);
  const mine: TakenPass = Object.assign(pass, { look, signal: AbortSignal.any([pass.leave, look.signal]) });
  // Awaited here: the look is over as soon as this function is.
  return await work(mine);
}
