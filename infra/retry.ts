import { setTimeout as sleep } from 'node:timers/promises';
import { OutageLog, type Logger } from './logger.ts';

/**
 * Tries until it works, once a period, with one line when it first fails and one when it worked after all. An error that
 * says `retryable: false` is thrown at once: waiting does not mend it. Rejects when the signal aborts.
 */
export async function untilSucceeds<T>(
  what: string,
  attempt: () => Promise<T>,
  options: { everyMs: number; signal: AbortSignal; log: Logger },
): Promise<T> {
  const outage = new OutageLog(options.log, what);
  for (;;) {
    options.signal.throwIfAborted();
    try {
      const result = await attempt();
      outage.recovered();
      return result;
    } catch (error) {
      if ((error as { retryable?: unknown }).retryable === false) throw error;
      outage.failed(error);
      await sleep(options.everyMs, undefined, { signal: options.signal });
    }
  }
}
