import type { AnyBulkWriteOperation } from 'mongodb';
import { unixSeconds } from '../../infra/mongo/unix-seconds.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { Sighting, Verdict } from './decide.ts';

/**
 * The write by which a document announces its next nominal time (contract §3.2: unix seconds, int64), where it says
 * something else. Only what was seen is replaced: a handler may announce a later time at any moment.
 */
export function nextTimeWrite(
  { id, document, status }: Sighting,
  verdict: Verdict,
  beginsAt: Date | undefined,
  nowMs: number,
): AnyBulkWriteOperation<ScheduleDocument>[] {
  if (document === undefined || verdict.kind === 'wait') return [];
  const said = document.next_execution_time;
  const ticks = verdict.kind === 'begin' || (verdict.kind !== 'stop' && status?.phase === 'active');
  const filter = { id, next_execution_time: said ?? { $exists: false } };
  if (!ticks)
    return said === undefined
      ? []
      : [{ updateOne: { filter, update: { $unset: { next_execution_time: true } } } }];
  const nextMs = (verdict.kind === 'begin' ? beginsAt : status?.nextAt)?.getTime();
  // What is due is being handled, and then announced by who handles it.
  if (nextMs === undefined || (verdict.kind !== 'begin' && nextMs <= nowMs)) return [];
  const seconds = Math.floor(nextMs / 1000);
  if (said === seconds) return [];
  return [{ updateOne: { filter, update: { $set: { next_execution_time: unixSeconds(nextMs) } } } }];
}
