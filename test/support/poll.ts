import { setTimeout as sleep } from 'node:timers/promises';

/** Tells that something never comes, not that it comes late: what has to be quick is timed by its test, or a bench. */
const PATIENCE_MS = 20_000;

/** Polls until `check` returns something truthy; throws with the last error or value when the time is up. */
export async function until<T>(
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = PATIENCE_MS, everyMs = 25, what = 'the condition' } = options;
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(
        `${what} did not come true within ${timeoutMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
        { cause: last },
      );
    await sleep(everyMs);
  }
}
