import type { ContainerDetail } from '../infra/engine/port.ts';
import { inStep } from '../infra/tracing/tracing.ts';
import type { BotStatus, LastExit } from '../model/status.ts';
import type { Pass } from './converge.ts';
import { sameDesire } from './desired.ts';
import { exitOf } from './exits.ts';
import { NotKept } from './keeping.ts';
import { sayingWhenSlow } from './slow-phase.ts';
import { Superseded } from './wish-watch.ts';

/** A state that is not saved by then is saved later, from its volume: nobody waits longer for it. */
const STATE_SAVED_WITHIN_MS = 15_000;

/** Whether a container counts as alive. A paused one is: somebody froze it by hand and will thaw it by hand. */
export const isUp = (container: Pick<ContainerDetail, 'state'>): boolean =>
  container.state === 'running' || container.state === 'paused' || container.state === 'restarting';

/**
 * Ends a container in order (SIGTERM, grace, SIGKILL) if it is up, and records how it ended. By id, never by name: what
 * bears the name tomorrow may be another one. Looks at the bot's wish right before it stops anything: saving output takes
 * seconds where object storage is slow, and its owner may have changed their mind back.
 */
export async function stopAndRecord(
  pass: Pass,
  container: ContainerDetail,
  why: string,
): Promise<LastExit | undefined> {
  const { engine, policy, clock } = pass.deps;
  if (container.state === 'created') return undefined;
  const wasUp = isUp(container);
  if (wasUp) {
    if (!sameDesire(pass.desired, await pass.readDesired())) throw new Superseded();
    pass.lock.assertHeld();
    await sayingWhenSlow(
      pass.lock,
      { phase: 'stopping', reason: `Stopping: ${why}`, since: clock.now() },
      () => engine.stop(container.id, policy.stopGraceMs, { signal: pass.lock.lost }),
    );
  }
  const ended = wasUp ? ((await engine.inspect(container.id)) ?? container) : container;
  if (isRecorded(pass.status, ended)) return pass.status.lastExit;
  return saveExit(pass, await readExit(pass, ended, wasUp));
}

/**
 * How a container ended. `stoppedNow`: by this pass. An end that an earlier pass asked for and could not record, because
 * its processor died, was asked for too.
 */
export function readExit(pass: Pass, ended: ContainerDetail, stoppedNow: boolean): Promise<LastExit> {
  const { engine, policy, clock } = pass.deps;
  const stoppedBefore = pass.status.phase === 'stopping' && pass.status.containerId === ended.id;
  return exitOf(engine, ended, {
    requested: stoppedNow || stoppedBefore,
    lastOutputLines: policy.lastOutputLines,
    now: clock.now(),
  });
}

/** Whether the status tells of this end already. A container may be started again: another end is another exit. */
export const isRecorded = (
  { lastExit }: Pick<BotStatus, 'lastExit'>,
  { id, finishedAtMs }: Pick<ContainerDetail, 'id' | 'finishedAtMs'>,
): boolean =>
  lastExit?.containerId === id && (finishedAtMs === undefined || lastExit.at.getTime() === finishedAtMs);

/** Writes an exit into the status, before the container with the evidence is removed. */
export async function saveExit(pass: Pass, lastExit: LastExit): Promise<LastExit> {
  await pass.lock.update({ set: { lastExit } });
  pass.status = { ...pass.status, lastExit };
  return lastExit;
}

/**
 * Saves what an ended container leaves behind: its output, and the state. Undefined once it may be removed; else why it
 * cannot be yet. `state`: false where the state of the bucket is to replace the volume's.
 */
export async function keep(
  pass: Pass,
  container: Pick<ContainerDetail, 'id' | 'state'>,
  { state = true } = {},
): Promise<NotKept | undefined> {
  if (container.state === 'created') return undefined;
  const { keeping } = pass.deps;
  const { botId, lost } = pass.lock;
  try {
    await inStep('save output', () => keeping.output(botId, container.id, lost));
  } catch (error) {
    lost.throwIfAborted();
    if (error instanceof NotKept) return error;
    throw error;
  }
  if (state)
    await inStep('save state', () =>
      keeping.state(botId, AbortSignal.any([pass.signal, AbortSignal.timeout(STATE_SAVED_WITHIN_MS)])),
    );
  return undefined;
}

/** Removes a container that has ended or never started. */
export async function removeEnded(pass: Pass, containerId: string): Promise<void> {
  pass.lock.assertHeld();
  await pass.deps.engine.remove(containerId);
}
