import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal, type RunState } from '../../model/runs.ts';

type Run = { state: RunState; attempt: number; reason: string };

const LOOK_EVERY_MS = 250;

/** Resolves with the run once it is over; tells of each state on the way. */
export async function waitForRun<R extends Run>(
  read: () => Promise<R>,
  options: { onState: (run: R) => void; everyMs?: number },
): Promise<R> {
  let said = '';
  for (;;) {
    const run = await read();
    if (isFinal(run.state)) return run;
    const state = `${run.state} ${run.attempt} ${run.reason}`;
    if (state !== said) options.onState(run);
    said = state;
    await sleep(options.everyMs ?? LOOK_EVERY_MS);
  }
}
