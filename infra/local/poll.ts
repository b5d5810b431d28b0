import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../message-of.ts';

/** Calls `check` until it resolves; rejects with its last reason when the time is up, or at once when aborted. */
export async function pollUntilReady(
  check: () => Promise<void>,
  options: { timeoutMs: number; everyMs?: number; signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, everyMs = 25, signal } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`not ready after ${timeoutMs / 1000} s: ${messageOf(error)}`, { cause: error });
    }
    await sleep(everyMs);
  }
}
