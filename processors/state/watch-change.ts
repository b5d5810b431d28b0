/** What the watch remembers of one volume between two looks. */
export type Seen = {
  /** Fingerprint of its listing at the last look. */
  listing: string;
  /** Fingerprint of the listing that is saved, as far as is known. */
  saved: string | undefined;
  /** Since when it differs from what is saved, or since it was last asked to be; by the monotonic clock. */
  sinceMs?: number;
  /** The listing at which a save was last asked for. */
  asked?: string;
};

/**
 * Whether a volume is to be saved now: it has changed, and has been quiet for one look, or is overdue because it never
 * rests. `before` and `now.saved` may be from a moment ago: a save too many does no harm.
 */
export function lookAtChange(
  before: Seen | undefined,
  now: { listing: string; saved: string | undefined; atMs: number },
  { saveEveryMs }: { saveEveryMs: number },
): { seen: Seen; isDue: boolean } {
  const { listing, saved, atMs } = now;
  if (listing === saved) return { seen: { listing, saved }, isDue: false };
  const sinceMs = before?.sinceMs ?? atMs;
  const isQuiet = before?.listing === listing && before.asked !== listing;
  const isOverdue = atMs - sinceMs >= saveEveryMs;
  if (isQuiet || isOverdue) return { seen: { listing, saved, sinceMs: atMs, asked: listing }, isDue: true };
  const asked = before?.asked;
  return { seen: { listing, saved, sinceMs, ...(asked === undefined ? {} : { asked }) }, isDue: false };
}
