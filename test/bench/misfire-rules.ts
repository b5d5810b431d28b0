import { OVERLAP_POLICIES, type MISFIRE_POLICIES } from '../../model/schedules.ts';

/** The rules of misfire and overlap once more, in other words than the product's: what the bench compares with. */

export type Misfire = { policy: (typeof MISFIRE_POLICIES)[number]; max?: number; window?: string };
export type Case = { misfire: Misfire; overlap: (typeof OVERLAP_POLICIES)[number] };
export type Expected = 'caught up' | 'on time' | 'cancelled' | 'skipped';

const MINUTE_MS = 60_000;
/** `MISFIRE_AFTER`. */
const LATE_MS = 15_000;
export const ALLOWED_AT_ONCE = 2;

/** Each policy as it comes, and with each of its bounds in force. */
export const MISFIRES: readonly Misfire[] = [
  { policy: 'skip' },
  { policy: 'fire-once' },
  { policy: 'fire-once', window: '20s' },
  { policy: 'fire-all' },
  { policy: 'fire-all', max: 3 },
  { policy: 'fire-all', window: '5m' },
  { policy: 'fire-all', max: 3, window: '2m' },
];
export const CASES: readonly Case[] = MISFIRES.flatMap((misfire) =>
  OVERLAP_POLICIES.map((overlap) => ({ misfire, overlap })),
);
const WINDOWS_MS: Readonly<Record<string, number>> = {
  '20s': 20_000,
  '2m': 2 * MINUTE_MS,
  '5m': 5 * MINUTE_MS,
};

export const configOf = ({ misfire, overlap }: Case): Record<string, unknown> => ({
  misfire,
  overlap: overlap === 'allow' ? { policy: overlap, max: ALLOWED_AT_ONCE } : overlap,
});

/** What becomes of nominal times, oldest first, of which all but the last at most were missed; nothing ran before. */
export function expectedOf(
  { misfire, overlap }: Case,
  nominals: readonly number[],
  nowMs: number,
): Map<number, Expected> {
  const missed = nominals.filter((nominal) => nowMs - nominal > LATE_MS);
  const onTime = nominals.slice(missed.length);
  const caughtUp = caughtUpOf(misfire, missed, nowMs);
  const expected = new Map<number, Expected>(nominals.map((nominal) => [nominal, 'skipped']));
  for (const nominal of caughtUp) expected.set(nominal, 'caught up');
  for (const nominal of onTime) {
    if (!goes(overlap, caughtUp.length)) continue;
    if (overlap === 'replace') for (const earlier of caughtUp) expected.set(earlier, 'cancelled');
    expected.set(nominal, 'on time');
  }
  return expected;
}

function caughtUpOf(
  { policy, max = Infinity, window = '' }: Misfire,
  missed: readonly number[],
  nowMs: number,
): number[] {
  const fresh = missed.filter((nominal) => nowMs - nominal <= (WINDOWS_MS[window] ?? Infinity));
  switch (policy) {
    case 'skip':
      return [];
    case 'fire-once':
      return fresh.slice(-1);
    case 'fire-all':
      return fresh.slice(-max);
  }
}

/** Whether a tick that is on time goes, behind so many that are not over. */
function goes(overlap: Case['overlap'], before: number): boolean {
  switch (overlap) {
    case 'forbid':
      return before === 0;
    case 'queue-one':
      return before <= 1;
    case 'replace':
      return true;
    case 'allow':
      return before < ALLOWED_AT_ONCE;
  }
}
