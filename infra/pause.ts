import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or returns at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch {
    // Aborted: the caller looks at the signal itself.
  }
}
