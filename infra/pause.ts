import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits, or returns at once when the signal aborts. `keepsAlive`: the process does not end meanwhile for want of anything else to
 * do, as that of a command would that only waits.
 */
export async function pause(ms: number, signal: AbortSignal, { keepsAlive = false } = {}): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: keepsAlive });
  } catch {
    // Aborted: the caller looks at the signal itself.
  }
}
