import type { Filter } from 'mongodb';
import type { ScheduleStatus } from '../../../model/schedule-status.ts';
import type { ScheduleDocument } from '../../../model/schedules.ts';
import type { PageKey } from '../page-token.ts';
import { partsOf, type PartFilter, type Stores } from './parts.ts';
import { compareKeys, keyOf, type Row, type ScheduleOrder } from './places.ts';
import { nameOf, type ViewPhase } from './view.ts';
import type { Found } from './walk.ts';

const NAMES = { _id: 0, id: 1, 'config.name': 1, 'custom.config.name': 1 } as const;
type Named = Pick<ScheduleDocument, 'id' | 'config' | 'custom'>;

const STATUS = { _id: 1, phase: 1, failuresInRow: 1, nextAt: 1 } as const;
type Status = Pick<ScheduleStatus, '_id' | 'phase' | 'failuresInRow' | 'nextAt'>;

/** Of one question to MongoDB. */
const BATCH = 10_000;

/**
 * Entries by what no index knows: part of a text, or an order by name. Names and phases of all that match are read, so that
 * what is read grows with the list, and each page costs the same.
 */
export async function search(
  stores: Stores,
  query: { filter: PartFilter & { text?: string }; order: ScheduleOrder },
  { after, limit }: { after: PageKey | undefined; limit: number },
): Promise<Found> {
  const { filter, order } = query;
  const parts = partsOf(filter);
  const rows = (await matching(stores, filter.text ?? '')).filter(({ phase, failing }) =>
    parts.some((part) => part?.phase === phase && (part.failing ?? failing) === failing),
  );
  const counts = new Map<ViewPhase, number>();
  for (const { phase } of rows) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const entries = rows
    .map((row) => ({ id: row.id, key: keyOf(order, row) }))
    .filter(({ key }) => after === undefined || compareKeys(key, after) > 0)
    .sort((one, other) => compareKeys(one.key, other.key));
  return { entries: entries.slice(0, limit), counts };
}

async function matching({ schedules, scheduleStatus }: Stores, text: string): Promise<Row[]> {
  const part = text === '' ? undefined : new RegExp(literally(text), 'i');
  const documents = await schedules
    .find(part === undefined ? {} : withText(part))
    .project<Named>(NAMES)
    .toArray();
  const statuses = new Map<string, Status>();
  const read = async (filter: Filter<ScheduleStatus>): Promise<void> => {
    for (const status of await scheduleStatus.find(filter).project<Status>(STATUS).toArray())
      statuses.set(status._id, status);
  };
  // Of one whose document is gone, nothing but the id is left to be found by.
  await read(part === undefined ? {} : { _id: part, phase: 'gone' });
  if (part !== undefined)
    for (let at = 0; at < documents.length; at += BATCH)
      await read({ _id: { $in: documents.slice(at, at + BATCH).map(({ id }) => id) } });
  const rows = documents.map((document) => rowOf(document.id, nameOf(document), statuses.get(document.id)));
  for (const { id } of documents) statuses.delete(id);
  return [...rows, ...[...statuses.values()].map((status) => rowOf(status._id, null, status))];
}

/** For MongoDB's kind of expressions, in which no NUL may stand as it is. */
const literally = (text: string): string =>
  text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`).replaceAll('\0', String.raw`\x00`);

const withText = (part: RegExp): Filter<ScheduleDocument> => ({
  $or: ['id', 'config.name', 'custom.config.name', 'custom.version', 'custom.config.version'].map(
    (field) => ({
      [field]: part,
    }),
  ),
});

const rowOf = (id: string, name: string | null, status: Status | undefined): Row => ({
  id,
  name,
  phase: status?.phase ?? 'pending',
  failing: (status?.failuresInRow ?? 0) > 0,
  nextAt: status?.nextAt,
});
