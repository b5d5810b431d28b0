import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { LABEL } from '../../model/labels.ts';
import { runLaunchVolumeName } from '../../model/names.ts';
import type { Run } from '../../model/runs.ts';
import { isUp } from '../containers.ts';
import type { Keeping } from '../keeping.ts';
import { keepEnded } from './keep.ts';

type Deps = { engine: Engine; keeping: Keeping; stopGraceMs: number; log: Logger };

/**
 * Removes a container of a run that is over; by id. One that is up all the same (somebody started it again by hand) is
 * stopped first: nobody watches it. Throws `NotKept` where its output cannot be saved just now, and it stays. A record may be opened again at any moment after it was read, so a container of a later
 * attempt is left alone. False if it was.
 */
export async function removeLeftContainer(
  { engine, keeping, stopGraceMs, log }: Deps,
  run: Pick<Run, '_id' | 'attempt'>,
  container: ContainerView,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, labels } = container;
  if (labels[LABEL.run] !== run._id || Number(labels[LABEL.attempt]) > run.attempt) return false;
  if (isUp(container)) {
    log.error({ runId: run._id, containerId: id }, 'A run that is over runs again: it is stopped');
    await engine.stop(id, stopGraceMs);
  }
  await keepEnded(keeping, container, signal);
  await engine.remove(id);
  return true;
}

/** It holds the schedule's config with its owner's keys: it does not outlive the run. Stays where a container uses it. */
export function removeLaunchVolume(engine: Engine, runId: string): Promise<boolean> {
  return engine.removeVolume(runLaunchVolumeName(engine.installation, runId));
}
