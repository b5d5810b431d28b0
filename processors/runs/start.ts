import { messageOf } from '../../infra/message-of.ts';
import { NameTaken } from '../../infra/engine/errors.ts';
import type { ContainerDetail, ContainerSpec } from '../../infra/engine/port.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { LABEL, runLabels } from '../../model/labels.ts';
import { runsAtOnce } from '../../model/schedule-policy.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { runSpec } from '../bot-spec.ts';
import { isUp } from '../containers.ts';
import { describeFailure, NotReadyYet, StartProblem } from '../errors.ts';
import { fillContainer } from '../launch/fill.ts';
import type { Prepared } from '../launch/prepare.ts';
import type { Place } from '../semaphore.ts';
import { announceAndStart } from './announce.ts';
import { RunTaken } from './cancel-watch.ts';
import { endRun } from './finish.ts';
import { keepEnded } from './keep.ts';
import { again, busy, step, type StepResult, type TakenPass } from './pass.ts';
import { postpone, tooLate } from './postpone.ts';
import { prepareRun, saying } from './prepare-run.ts';
import { watchRun } from './watch.ts';

/** How soon a run looks again whether what goes on in the background (a pull, a download) is done. */
const NOT_READY_MS = 750;
const NAME_TAKEN_MS = 150;
const MAX_CREATES = 3;

/**
 * From a run that is `preparing` and bears our name to its end. Until its container is announced nothing of it has run, so
 * whoever takes it over in between does it all again.
 */
export async function startRun(pass: TakenPass, document: ScheduleDocument): Promise<StepResult> {
  const result = await untilAnnounced(pass, document);
  return result === undefined && pass.run.state === 'running' ? watchRun(pass) : result;
}

async function untilAnnounced(pass: TakenPass, document: ScheduleDocument): Promise<StepResult> {
  try {
    const prepared = await prepareRun(pass, document);
    const spec = specOf(pass, document, prepared);
    const shared = runsAtOnce(document, pass.deps.operator) > 1;
    return await pass.deps.launching.slots.run(
      (place) => createAndStart(pass, spec, { prepared, shared, place }),
      pass.signal,
    );
  } catch (error) {
    return startFailed(pass, error);
  }
}

function specOf({ deps, run }: TakenPass, document: ScheduleDocument, prepared: Prepared): ContainerSpec {
  return runSpec({
    ...prepared,
    installation: deps.engine.installation,
    scheduleId: run.scheduleId,
    runId: run._id,
    labels: runLabels({
      scheduleId: run.scheduleId,
      runId: run._id,
      attempt: run.attempt,
      entrypoint: prepared.launch.entryFile,
      runtime: prepared.runtime,
      fingerprint: fingerprint(document),
      code: prepared.codeId,
    }),
  });
}

async function createAndStart(
  pass: TakenPass,
  spec: ContainerSpec,
  { prepared, shared, place }: { prepared: Prepared; shared: boolean; place: Place },
): Promise<StepResult> {
  const { engine, launching } = pass.deps;
  const { signal } = pass;
  const id = await create(pass, spec);
  if (typeof id !== 'string') return id.result;
  try {
    await saying(pass, 'Getting its state.', () =>
      fillContainer(engine, id, prepared.launch, {
        state: (either) =>
          place.lend(
            () =>
              launching.keeping.restore(
                pass.run.scheduleId,
                { id, spec },
                { nonce: launching.newId(), shared, signal: either },
              ),
            either,
          ),
        signal,
      }),
    );
    signal.throwIfAborted();
  } catch (error) {
    await takeBack(pass, id);
    throw error;
  }
  const announced = await announceAndStart(pass, {
    containerId: id,
    image: spec.image,
    notes: prepared.notes,
  });
  if (announced !== 'overtaken') return announced.result;
  // Somebody has the run now, or it was cancelled: what was made for it is taken back.
  await takeBack(pass, id);
  return undefined;
}

/**
 * Creates the container. One that bears the name already is of no use: a run that is `preparing` has nothing that runs, so
 * it was never started, or is what an earlier attempt left.
 */
async function create(pass: TakenPass, spec: ContainerSpec): Promise<string | { result: StepResult }> {
  const { engine } = pass.deps;
  const { signal } = pass;
  for (let tries = 0; tries < MAX_CREATES; tries += 1) {
    try {
      return await engine.create(spec, { signal });
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
    }
    const holder = await engine.inspect(spec.name, { signal });
    if (holder === undefined) continue;
    // What was seen may be another handler's that has the run now, and may have run. If the run is still ours, it is not.
    if (!(await step(pass, { set: {} }))) return { result: undefined };
    assertUseless(pass, holder);
    await keepEnded(pass.deps.launching.keeping, holder, signal);
    await engine.remove(holder.id, { signal });
  }
  return { result: again(NAME_TAKEN_MS) };
}

/** Never started, or left by an earlier attempt of this run. Whatever else bears the name may be all that tells of work. */
function assertUseless({ run }: TakenPass, holder: ContainerDetail): void {
  if (holder.state === 'created') return;
  const { [LABEL.run]: runId, [LABEL.attempt]: attempt } = holder.labels;
  if (!isUp(holder) && runId === run._id && Number(attempt) < run.attempt) return;
  const id = holder.id.slice(0, 12);
  throw new StartProblem(
    'name_taken',
    `Container ${id} bears this run's name and ${isUp(holder) ? 'runs' : 'has run'}, although the run has not started: look at it, then remove it: docker rm -f ${id}`,
    { retryable: true },
  );
}

/** By id, and never one that runs. What stays behind bears the name, and is found by it. */
async function takeBack({ deps, run }: TakenPass, containerId: string): Promise<void> {
  try {
    await deps.engine.remove(containerId);
  } catch (error) {
    deps.log.debug(
      { runId: run._id, containerId, error: messageOf(error) },
      'A container that was not started stays for now',
    );
  }
}

async function startFailed(pass: TakenPass, error: unknown): Promise<StepResult> {
  // It may run: that is for the watch to find out.
  if (pass.run.state === 'running') return undefined;
  if (pass.leave.aborted) return again(0);
  if (pass.look.signal.aborted) return pass.look.signal.reason instanceof RunTaken ? busy() : undefined;
  if (error instanceof NotReadyYet) return notReady(pass, error);
  const failure = describeFailure(error);
  return failure.retryable ? postpone(pass, failure) : endRun(pass, 'failed', failure.message);
}

async function notReady(pass: TakenPass, error: NotReadyYet): Promise<StepResult> {
  const late = tooLate(pass, 0, error.message);
  if (late !== undefined) return endRun(pass, 'failed', late);
  const reason = `Waiting: ${error.message}.`;
  const said = pass.run.reason === reason || (await step(pass, { set: { reason } }));
  return said ? again(NOT_READY_MS) : undefined;
}
