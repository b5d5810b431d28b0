import { unlessAborted } from '../../infra/unless-aborted.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import { prepare, type Prepared } from '../launch/prepare.ts';
import { step, type TakenPass } from './pass.ts';

/** Steps quicker than this are not worth a write of their own. */
const WORTH_SAYING_MS = 250;

/** Gets everything ready that stands before the run's container; a step that takes long shows in its record. */
export function prepareRun(pass: TakenPass, document: ScheduleDocument): Promise<Prepared> {
  return prepare(pass.deps.launching, {
    bot: document,
    botType: 'scheduled',
    step: (reason, work) =>
      saying(pass, reason, async () => {
        pass.signal.throwIfAborted();
        return unlessAborted(work(pass.signal), pass.signal);
      }),
  });
}

/** Runs a step; one that takes a moment shows in the run's record. */
export async function saying<T>(pass: TakenPass, reason: string, work: () => Promise<T>): Promise<T> {
  let said: Promise<unknown> | undefined;
  const timer = setTimeout(() => {
    // If the run is not ours any more, the next step finds out.
    said = step(pass, { set: { reason } }).catch(() => undefined);
  }, WORTH_SAYING_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    // Steps follow from one another: the next one begins from what this one wrote.
    await said;
  }
}
