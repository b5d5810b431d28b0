import type { HoldDocument, Collections } from '../../infra/mongo/collections.ts';
import { Grouped } from '../../infra/mongo/grouped.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';

/** What decides whether a run of a schedule may start now. */
export type ScheduleNow = {
  document: ScheduleDocument | undefined;
  hold: HoldDocument | undefined;
  line: readonly string[];
};

type Sources = Pick<Collections, 'schedules' | 'holds' | 'scheduleStatus'>;

/** Readmes and schemas may be many kilobytes, and decide nothing. */
const WITHOUT = {
  _id: 0,
  'custom.config.readme': 0,
  'custom.config.schema': 0,
  'custom.config.metadata': 0,
} as const;

/** Reads schedules with their holds and lines, under load those of many together. */
export class ScheduleReader {
  readonly #readings: Grouped<string, ScheduleNow>;

  constructor(sources: Sources) {
    this.#readings = new Grouped((ids) => readAll(sources, ids));
  }

  /** What holds at some moment after the call. */
  read(scheduleId: string): Promise<ScheduleNow> {
    return this.#readings.ask(scheduleId);
  }
}

async function readAll(
  { schedules, holds, scheduleStatus }: Sources,
  ids: readonly string[],
): Promise<ScheduleNow[]> {
  const $in = [...new Set(ids)];
  const [documents, held, statuses] = await Promise.all([
    schedules.find({ id: { $in } }, { projection: WITHOUT, batchSize: $in.length + 1 }).toArray(),
    holds.find({ _id: { $in } }).toArray(),
    scheduleStatus.find({ _id: { $in } }, { projection: { line: 1 } }).toArray(),
  ]);
  const documentOf = new Map(documents.map((document) => [document.id, document]));
  const holdOf = new Map(held.map((hold) => [hold._id, hold]));
  const lineOf = new Map(statuses.map((status) => [status._id, status.line]));
  return ids.map((id) => ({
    document: documentOf.get(id),
    hold: holdOf.get(id),
    line: lineOf.get(id) ?? [],
  }));
}
