import type { ContainerView } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import type { Keeping } from '../keeping.ts';

/** A state that is not saved by then is saved later, from its volume. */
const STATE_SAVED_WITHIN_MS = 15_000;

/**
 * Saves what an ended container of a run leaves: its output, and the state of its schedule. After it, the container may be
 * removed. Throws `NotKept` where it has to stay.
 */
export async function keepEnded(
  keeping: Keeping,
  { id: containerId, state, labels }: Pick<ContainerView, 'id' | 'state' | 'labels'>,
  signal: AbortSignal,
): Promise<void> {
  const scheduleId = labels[LABEL.id];
  if (state === 'created' || scheduleId === undefined) return;
  await keeping.output(scheduleId, containerId, signal);
  await keeping.state(scheduleId, AbortSignal.any([signal, AbortSignal.timeout(STATE_SAVED_WITHIN_MS)]));
}
