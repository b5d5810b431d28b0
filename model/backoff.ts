/** Delays of the crash loop and of starts that failed by circumstance. All times are milliseconds. */
export type BackoffPolicy = { firstMs: number; maxMs: number };

/** The most that the delay after the n-th failure in a row (from 1) may be: first, doubled, up to the maximum. */
export function backoffCeilingMs(failures: number, policy: BackoffPolicy): number {
  if (failures <= 0) return 0;
  return Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(failures - 1, 40));
}

/**
 * Full jitter: anywhere between nothing and the ceiling, so that bots that fell together do not come back together.
 * `random` gives [0, 1).
 */
export function backoffDelayMs(failures: number, policy: BackoffPolicy, random: () => number): number {
  return Math.round(backoffCeilingMs(failures, policy) * random());
}

/** Failures in a row after one more crash: those before are forgotten if it had been up long enough. */
export function failuresAfterExit(before: number, upMs: number, stableAfterMs: number): number {
  return (upMs >= stableAfterMs ? 0 : before) + 1;
}
