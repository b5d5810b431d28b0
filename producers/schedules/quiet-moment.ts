const MINUTE_MS = 60_000;
/** What takes less is not felt by anybody. */
const SHORT_MS = 200;
/** Ten thousand schedules that are due in the same minute are recorded and queued within that. */
const BUSY_MS = 5_000;
/** A look that meets others' work takes longer than the last one did. */
const MARGIN = 1.25;
/** Nobody waits for a look longer than that; one that would have to meets the minute. */
const MOST_MS = 8_000;

/**
 * How long something that takes a while should wait to begin, so that it is no burden at the beginning of a minute, when most
 * of what is scheduled is due. `expectedMs`: how long it took the last time.
 */
export function quietWaitMs(nowMs: number, expectedMs: number): number {
  if (expectedMs < SHORT_MS) return 0;
  const sinceMs = ((nowMs % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
  if (sinceMs < BUSY_MS) return BUSY_MS - sinceMs;
  const untilMs = MINUTE_MS - sinceMs;
  if (untilMs >= expectedMs * MARGIN) return 0;
  const waitMs = untilMs + BUSY_MS;
  return waitMs > MOST_MS ? 0 : waitMs;
}
