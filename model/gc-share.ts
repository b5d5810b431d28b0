/** So few may always go: a small installation could not delete a bot otherwise. */
const ALWAYS_ALLOWED = 10;

/**
 * Why a sweep is not made: the data of too large a share of all bots would go. `living`: bots and schedules that are there.
 */
export function tooMuch(
  { going, living }: { going: number; living: number },
  maxSharePercent: number,
): string | undefined {
  const all = going + living;
  if (going <= ALWAYS_ALLOWED || going * 100 <= all * maxSharePercent) return undefined;
  const share = Math.round((going * 100) / all);
  return `The data of ${going} of ${all} bots would go: ${share} %, more than ${maxSharePercent} % (GC_MAX_SHARE)`;
}
