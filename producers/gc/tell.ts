import { durationText } from '../../model/duration.ts';
import type { Findings } from '../../model/gc-report.ts';
import type { StaleUploads } from './aged.ts';
import type { Aged, Survey } from './survey.ts';

/** What would go. */
export function tell(
  findings: Findings,
  survey: Survey,
  {
    adopted,
    aged,
    uploads,
    nowMs,
  }: { adopted: readonly string[]; aged: readonly Aged[]; uploads: StaleUploads; nowMs: number },
): void {
  for (const [id, { at, objects, bytes }] of survey.deleted)
    findings.add({ kind: 'deleted-bot', name: id, why: whyDeleted(at, false, nowMs), objects, bytes });
  for (const id of adopted) {
    const { objects = 0, bytes = 0 } = survey.unknown.get(id) ?? {};
    findings.add({ kind: 'deleted-bot', name: id, why: whyDeleted(undefined, true, nowMs), objects, bytes });
  }
  for (const { kind, key, bytes, why } of aged) findings.add({ kind, name: key, why, objects: 1, bytes });
  uploads.tell(findings);
}

/** `at`: when, unless it was adopted. */
export function whyDeleted(at: Date | undefined, wasAdopted: boolean, nowMs: number): string {
  if (wasAdopted || at === undefined) return 'nobody knows it, and it was let go by hand';
  return `its bot was deleted ${durationText(nowMs - at.getTime())} ago`;
}
