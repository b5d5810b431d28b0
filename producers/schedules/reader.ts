import type { Filter } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { Sighting } from './decide.ts';
import { LINED_FIELDS } from './heal-runs.ts';
import { inOrder, type LinedRun } from './mend-line.ts';
import { PLANNED_FIELDS } from './policy-reader.ts';

export type ScheduleCollections = Pick<Collections, 'schedules' | 'holds' | 'scheduleStatus' | 'runs'>;

/** A schedule as it was read, with its runs that are not over. */
export type Seen = Sighting & { runs: readonly LinedRun[] };

/** Part of a walk over all schedules, which goes on after `through`; undefined where it ends. */
export type Page = { seen: Seen[]; through: string | undefined };

const STATUS_FIELDS = { phase: 1, reason: 1, timing: 1, handledThrough: 1, nextAt: 1, line: 1 } as const;
const PAGE = 1_000;

type Document = NonNullable<Sighting['document']>;
type Status = NonNullable<Sighting['status']>;

/** Such an id fits into our own records. Others are passed over, and count for the end of a page all the same. */
const isUsable = ({ id }: Document): boolean => typeof id === 'string' && id !== '' && id.length <= 1024;

/** Reads everything that is known of schedules: of some, or of all, page by page, so that any number fits into memory. */
export class ScheduleReader {
  readonly #collections: ScheduleCollections;

  constructor(collections: ScheduleCollections) {
    this.#collections = collections;
  }

  async some(ids: readonly string[]): Promise<Seen[]> {
    const among = { $in: [...ids] };
    const [documents, statuses, runs] = await Promise.all([
      this.#documents({ id: among }),
      this.#statuses({ _id: among }),
      this.#openRuns(among),
    ]);
    return await this.#join(documents, statuses, runs);
  }

  /** All ids after that one, as far as one page goes. Begin with the empty id. */
  async after(id: string): Promise<Page> {
    const [documents, statuses] = await Promise.all([
      this.#documents({ id: { $gt: id } }, PAGE),
      this.#statuses({ _id: { $gt: id } }, PAGE),
    ]);
    // What lies beyond the end of a full page is not known, so the page ends where the first of the two does.
    const ends = [
      ...(documents.length === PAGE ? [documents.at(-1)?.id ?? id] : []),
      ...(statuses.length === PAGE ? [statuses.at(-1)?._id ?? id] : []),
    ].sort();
    const through = ends[0];
    const within = (at: string): boolean => through === undefined || at <= through;
    const runs = await this.#openRuns({ $gt: id, ...(through === undefined ? {} : { $lte: through }) });
    const seen = await this.#join(
      documents.filter((document) => within(document.id)),
      statuses.filter((status) => within(status._id)),
      runs,
    );
    return { seen, through };
  }

  async #join(
    documents: readonly Document[],
    statuses: readonly Status[],
    runs: ReadonlyMap<string, LinedRun[]>,
  ): Promise<Seen[]> {
    const documentOf = new Map(documents.filter(isUsable).map((document) => [document.id, document]));
    const statusOf = new Map(statuses.map((status) => [status._id, status]));
    const holds = await this.#holds([...documentOf.keys()]);
    const ids = new Set([...documentOf.keys(), ...statusOf.keys(), ...runs.keys()]);
    return [...ids].map((id) => {
      const document = documentOf.get(id);
      const status = statusOf.get(id);
      const hold = holds.get(id);
      const open = inOrder(runs.get(id) ?? []);
      return {
        id,
        ...(document === undefined ? {} : { document }),
        ...(status === undefined ? {} : { status }),
        ...(hold === undefined ? {} : { hold }),
        runs: open,
        openRuns: open.map(({ _id }) => _id),
      };
    });
  }

  async #documents(filter: Filter<ScheduleDocument>, limit = 0): Promise<Document[]> {
    return await this.#collections.schedules
      .find(filter)
      .sort({ id: 1 })
      .limit(limit)
      .project<Document>(PLANNED_FIELDS)
      .toArray();
  }

  async #statuses(filter: Filter<ScheduleStatus>, limit = 0): Promise<Status[]> {
    return await this.#collections.scheduleStatus
      .find(filter)
      .sort({ _id: 1 })
      .limit(limit)
      .project<Status>(STATUS_FIELDS)
      .toArray();
  }

  async #openRuns(scheduleId: { $in: string[] } | { $gt: string }): Promise<Map<string, LinedRun[]>> {
    const runs = await this.#collections.runs
      .find({ open: true, scheduleId })
      .project<LinedRun>(LINED_FIELDS)
      .toArray();
    return Map.groupBy(runs, (run) => run.scheduleId);
  }

  async #holds(ids: string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const holds = await this.#collections.holds.find({ _id: { $in: ids } }).toArray();
    return new Map(holds.map((hold) => [hold._id, `${hold.who}: ${hold.why}`]));
  }
}
