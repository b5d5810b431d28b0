import type { ContainerDetail } from '../infra/engine/port.ts';
import type { LastExit } from '../model/status.ts';
import type { Pass } from './converge.ts';
import { exitOf } from './exits.ts';
import { sayingWhenSlow } from './slow-phase.ts';

/** Whether a container counts as alive. A paused one is: somebody froze it by hand and will thaw it by hand. */
export const isUp = (container: ContainerDetail): boolean =>
  container.state === 'running' || container.state === 'paused' || container.state === 'restarting';

/**
 * Ends a container in order (SIGTERM, grace, SIGKILL) if it is up, and records how it ended. By id, never by name: what
 * bears the name tomorrow may be another one.
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
    pass.lock.assertHeld();
    await sayingWhenSlow(
      pass.lock,
      { phase: 'stopping', reason: `Stopping: ${why}`, since: clock.now() },
      () => engine.stop(container.id, policy.stopGraceMs, { signal: pass.lock.lost }),
    );
  }
  const ended = wasUp ? ((await engine.inspect(container.id)) ?? container) : container;
  // An end that we asked for and that was not recorded any more, because the processor died, was still asked for.
  const requested = wasUp || (pass.status.phase === 'stopping' && pass.status.containerId === container.id);
  return recordExit(pass, ended, requested);
}

/** Writes an exit into the status once, before the container with the evidence is removed. */
async function recordExit(pass: Pass, ended: ContainerDetail, requested: boolean): Promise<LastExit> {
  const { engine, policy, clock } = pass.deps;
  const recorded = pass.status.lastExit;
  if (recorded?.containerId === ended.id) return recorded;
  const lastExit = await exitOf(engine, ended, {
    requested,
    lastOutputLines: policy.lastOutputLines,
    now: clock.now(),
  });
  await pass.lock.update({ set: { lastExit } });
  pass.status = { ...pass.status, lastExit };
  return lastExit;
}

/** Removes a container that has ended or never started. */
export async function removeEnded(pass: Pass, containerId: string): Promise<void> {
  pass.lock.assertHeld();
  await pass.deps.engine.remove(containerId);
}
