import type { ContainerDetail } from '../../infra/engine/port.ts';
import { isUp } from '../containers.ts';
import { fieldsOf, step, timeoutMsOf, type Looked, type TakenPass } from './pass.ts';
import { cancelledInWords, timedOutInWords } from './words.ts';

export function timeOut(pass: TakenPass, container: ContainerDetail): Promise<Looked> {
  const reason = timedOutInWords(timeoutMsOf(pass.deps, pass.run));
  return stopFor(pass, container, { outcome: 'timed-out', reason });
}

export async function cancel(pass: TakenPass, container: ContainerDetail): Promise<Looked> {
  const reason = await whyCancelled(pass, 'while it ran');
  return stopFor(pass, container, { outcome: 'cancelled', reason });
}

/** In words; the record that we hold may be from before. */
export async function whyCancelled({ deps, run }: TakenPass, when: string): Promise<string> {
  const wish = run.cancel ?? (await deps.records.read(run._id))?.cancel;
  return cancelledInWords(wish ?? { who: 'somebody', why: '', at: new Date(0) }, when);
}

/** First the record says that the run is to be stopped and why, and then it is. */
async function stopFor(
  pass: TakenPass,
  container: ContainerDetail,
  why: { outcome: 'timed-out' | 'cancelled'; reason: string },
): Promise<Looked> {
  const at = new Date(pass.deps.clock.now());
  const said = await step(pass, {
    set: { reason: `${why.reason} It is being stopped.`, stopping: { ...why, at } },
  });
  return said ? stop(pass, container) : { result: undefined };
}

/**
 * SIGTERM, grace, SIGKILL. Cut off when we leave: whoever has the run then stops it again. What has ended before it was asked
 * to is left to tell how it ended.
 */
export async function stop(pass: TakenPass, container: ContainerDetail): Promise<Looked> {
  const { deps } = pass;
  const { stopping } = pass.run;
  if (stopping !== undefined && stopping.asked !== true) {
    const now = await deps.engine.inspect(container.id);
    if (now !== undefined && !isUp(now)) return 'on';
    if (!(await step(pass, { set: { stopping: { ...stopping, asked: true } } })))
      return { result: undefined };
  }
  deps.log.info({ ...fieldsOf(pass), outcome: stopping?.outcome }, 'Stopping a run');
  await deps.engine.stop(container.id, deps.policy.stopGraceMs, { signal: pass.leave });
  return 'on';
}
