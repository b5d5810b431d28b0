import { EngineError } from '../../infra/engine/errors.ts';
import type { ContainerDetail, ContainerState } from '../../infra/engine/port.ts';
import { pause } from '../../infra/pause.ts';
import { isUp } from '../containers.ts';
import { StartProblem } from '../errors.ts';
import { announceAndStart, SETTLED_MS } from './announce.ts';
import { RunCancelled, RunTaken } from './cancel-watch.ts';
import { endRun } from './finish.ts';
import { again, busy, fieldsOf, step, type Looked, type StepResult, type TakenPass } from './pass.ts';
import { settle } from './settle.ts';
import { cancel, stop, timeOut, whyCancelled } from './stop.ts';
import { IN_REMOVAL, LOST } from './words.ts';

/** While the engine is away, and while it is at something that we only wait for. */
const ENGINE_AWAY_MS = 1_000;
const MOMENT_MS = 200;
/** An engine that is at the removal of a container for longer will not come to its end. */
const REMOVED_WITHIN_MS = 120_000;
/** No timer of Node's waits longer. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Watches a run that is `running` and bears our name until it is over, at its next attempt, or somebody else's. It makes no
 * difference whether we started its container, or found it.
 */
export async function watchRun(pass: TakenPass): Promise<StepResult> {
  const { deps } = pass;
  pass.onWatch();
  for (;;) {
    if (pass.leave.aborted) return again(0);
    if (pass.look.signal.reason instanceof RunTaken) return busy();
    try {
      const looked = await look(pass);
      deps.engineOutage.recovered();
      if (looked !== 'on') return looked.result;
    } catch (error) {
      if (pass.leave.aborted) continue;
      // What else goes wrong (MongoDB, a fault of ours) is for the queue to try again.
      if (!(error instanceof EngineError || error instanceof StartProblem)) throw error;
      deps.engineOutage.failed(error, fieldsOf(pass));
      await pause(ENGINE_AWAY_MS, pass.leave);
    }
  }
}

async function look(pass: TakenPass): Promise<Looked> {
  const { deps, run } = pass;
  const container = await deps.engine.inspect(run.containerId ?? '', { signal: pass.leave });
  if (container === undefined) {
    // Only the installation's own engine can say that it is gone.
    await deps.launching.sameEngine();
    return { result: await endRun(pass, 'failed', LOST) };
  }
  const seenForMs = seen(pass, container.state);
  if (container.state === 'created')
    return seenForMs < SETTLED_MS ? moment(pass) : notStarted(pass, container);
  if (container.state === 'removing') return inRemoval(pass, seenForMs);
  if (!isUp(container)) return { result: await settle(pass, container) };
  if (run.stopping !== undefined) return stop(pass, container);
  return untilSomething(pass, container);
}

/** For how long it has been so at each of our looks. */
function seen(pass: TakenPass, state: ContainerState): number {
  const nowMs = pass.deps.clock.monotonicMs();
  if (pass.seen?.state !== state) pass.seen = { state, sinceMs: nowMs };
  return nowMs - pass.seen.sinceMs;
}

/** Somebody removes it. It is gone in a moment, or the engine is stuck with it. */
async function inRemoval(pass: TakenPass, seenForMs: number): Promise<Looked> {
  if (isCancelled(pass))
    return {
      result: await endRun(
        pass,
        'cancelled',
        await whyCancelled(pass, 'while its container was being removed'),
      ),
    };
  if (seenForMs >= REMOVED_WITHIN_MS || remainingMs(pass) <= 0)
    return { result: await endRun(pass, 'failed', IN_REMOVAL) };
  return moment(pass);
}

const isCancelled = ({ run, look: { signal } }: TakenPass): boolean =>
  run.cancel !== undefined || signal.reason instanceof RunCancelled;

/**
 * Until its deadline. While one watch lasts the monotonic clock counts: a step of MongoDB's clock neither ends a run early
 * nor lets it go on.
 */
function remainingMs(pass: TakenPass): number {
  const { clock } = pass.deps;
  const onRecordMs = pass.run.deadline?.getTime() ?? Infinity;
  const nowMs = clock.monotonicMs();
  if (pass.deadline?.onRecordMs !== onRecordMs)
    pass.deadline = { onRecordMs, monotonicMs: nowMs + onRecordMs - clock.now() };
  return pass.deadline.monotonicMs - nowMs;
}

async function moment(pass: TakenPass): Promise<'on'> {
  await pause(MOMENT_MS, pass.leave);
  return 'on';
}

/** Announced, and never started: whoever did that died in between, or its start is on its way. */
async function notStarted(pass: TakenPass, { id, image }: ContainerDetail): Promise<Looked> {
  if (isCancelled(pass)) {
    // Read anew, it is a run without a container that was cancelled; the end takes away what bears its name.
    const withdrawn = await step(pass, {
      set: { state: 'preparing' },
      unset: ['containerId', 'startedAt', 'deadline'],
    });
    return { result: withdrawn ? undefined : busy() };
  }
  delete pass.seen;
  const announced = await announceAndStart(pass, {
    containerId: id,
    image: pass.run.image ?? image,
    notes: [],
  });
  if (announced === 'overtaken') return { result: undefined };
  return announced.result === undefined ? 'on' : announced;
}

/** Waits for whatever comes first: its end, its deadline, somebody who cancels it or takes it over, our own leaving. */
async function untilSomething(pass: TakenPass, container: ContainerDetail): Promise<Looked> {
  const { deps, run } = pass;
  if (run.cancel !== undefined) return cancel(pass, container);
  const restMs = remainingMs(pass);
  if (restMs <= 0) return timeOut(pass, container);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), Math.min(restMs, LONGEST_TIMER_MS));
  const signal = AbortSignal.any([pass.signal, deadline.signal]);
  try {
    await deps.engine.wait(container.id, { signal });
    return 'on';
  } catch (error) {
    if (pass.leave.aborted || deadline.signal.aborted) return 'on';
    if (!pass.look.signal.aborted) throw error;
    if (!(pass.look.signal.reason instanceof RunCancelled)) return { result: busy() };
    return cancel(pass, container);
  } finally {
    clearTimeout(timer);
  }
}
