import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import { pause } from '../../infra/pause.ts';
import type { EngineSweep } from './engine-sweep.ts';

/** Sweeps the engine now and then until the signal aborts, whether a `gc` runs somewhere and asks for it or not. */
export async function sweepPeriodically(
  { sweep, log }: { sweep: Pick<EngineSweep, 'run'>; log: Logger },
  options: { everyMs: number; signal: AbortSignal },
): Promise<void> {
  for (;;) {
    await pause(options.everyMs, options.signal);
    if (options.signal.aborted) return;
    await sweep.run({ dryRun: false, signal: options.signal }).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'The engine could not be swept');
    });
  }
}
