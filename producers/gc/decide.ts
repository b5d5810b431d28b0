import { createHash } from 'node:crypto';
import { durationText } from '../../model/duration.ts';
import type { GcKind } from '../../model/gc-report.ts';
import type { Place } from './keys.ts';

/** What may go by age alone, and when. */
export type AgePolicy = { keepLogDays: number; staleMs: number };

const DAY_MS = 24 * 3_600_000;

/**
 * Why an object goes for its age, whosever it is; undefined where it stays. The time of the last change has to say so as
 * well: a log that was written to of late is none of long ago, whatever its name.
 */
export function agedReason(
  place: Place,
  object: { lastModified: Date },
  policy: AgePolicy,
  nowMs: number,
): { kind: GcKind; why: string } | undefined {
  const untouchedMs = nowMs - object.lastModified.getTime();
  switch (place.kind) {
    case 'log-day':
      return nowMs - place.endsMs > policy.keepLogDays * DAY_MS && untouchedMs > DAY_MS
        ? { kind: 'old-log-day', why: `a log older than ${policy.keepLogDays} days` }
        : undefined;
    case 'temporary':
      return untouchedMs > policy.staleMs
        ? {
            kind: 'temporary-object',
            why: `left over from an append or a trial ${durationText(untouchedMs)} ago`,
          }
        : undefined;
    case 'query-result':
      return untouchedMs > policy.staleMs
        ? { kind: 'query-result', why: `nobody fetched it for ${durationText(untouchedMs)}` }
        : undefined;
    case 'log-other':
    case 'state':
    case 'earlier-archive':
      return undefined;
  }
}

/** Of one bot's earlier archives those beyond the newest `keep`; one that was just made stays, whatever its number. */
export function archivesBeyond<T extends { key: string; lastModified: Date }>(
  archives: readonly T[],
  { keep, staleMs }: { keep: number; staleMs: number },
  nowMs: number,
): T[] {
  return [...archives]
    .sort(
      (a, b) =>
        b.lastModified.getTime() - a.lastModified.getTime() || (a.key < b.key ? 1 : a.key > b.key ? -1 : 0),
    )
    .slice(keep)
    .filter(({ lastModified }) => nowMs - lastModified.getTime() > staleMs);
}

/** Stands for exactly these ids: who gives it back has seen them. */
export function confirmationCode(ids: Iterable<string>): string {
  return createHash('sha256')
    .update([...ids].sort().join('\n'))
    .digest('hex')
    .slice(0, 12);
}
