import type { Document } from 'mongodb';

/** Of a change in our database: as much of it as a story is told by. */
export type SeenChange = {
  /** Rises from change to change; names the place after it. */
  token: string;
  at: Date;
  collection: string;
  operation: 'insert' | 'update' | 'replace' | 'delete';
  id: string;
  /** What was set, or the document as it was written. */
  fields: Readonly<Record<string, unknown>>;
};

/** States of a run that its story tells: that it waits, or was left out, is on its own record. */
export const TOLD_RUN_STATES = [
  'running',
  'retrying',
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
] as const;

const FIELDS = ['phase', 'reason', 'state', 'who', 'why'] as const;
const WRITTEN = ['insert', 'replace'];

/** Of all that is written to our database, what a story is made of; everything else stays on the server. */
export const STORY_PIPELINE: Document[] = [
  {
    $match: {
      $or: [
        {
          'ns.coll': { $in: ['bot_status', 'schedule_status'] },
          $or: [
            { operationType: { $in: [...WRITTEN, 'delete'] } },
            { 'updateDescription.updatedFields.phase': { $exists: true } },
          ],
        },
        {
          'ns.coll': 'runs',
          $or: [
            { operationType: { $in: WRITTEN }, 'fullDocument.state': { $in: TOLD_RUN_STATES } },
            { 'updateDescription.updatedFields.state': { $in: TOLD_RUN_STATES } },
          ],
        },
        { 'ns.coll': 'holds', operationType: { $in: [...WRITTEN, 'delete'] } },
        { 'ns.coll': 'restarts', operationType: { $in: [...WRITTEN, 'update'] } },
      ],
    },
  },
  {
    $project: {
      operationType: 1,
      ns: 1,
      documentKey: 1,
      clusterTime: 1,
      wallTime: 1,
      ...Object.fromEntries(
        FIELDS.flatMap((field) => [
          [`fullDocument.${field}`, 1],
          [`updateDescription.updatedFields.${field}`, 1],
        ]),
      ),
    },
  },
];

type RawChange = {
  _id?: { _data?: unknown };
  operationType?: string;
  ns?: { coll?: string };
  documentKey?: { _id?: unknown };
  clusterTime?: { getHighBits(): number };
  wallTime?: Date;
  fullDocument?: Record<string, unknown>;
  updateDescription?: { updatedFields?: Record<string, unknown> };
};

/** Undefined: it is of no document, such as the end of a collection. */
export function seenChange(change: Document): SeenChange | undefined {
  const raw = change as RawChange;
  const { operationType, documentKey, ns } = raw;
  if (documentKey === undefined || ns?.coll === undefined) return undefined;
  return {
    token: tokenText(raw._id),
    at: raw.wallTime ?? new Date((raw.clusterTime?.getHighBits() ?? 0) * 1_000),
    collection: ns.coll,
    operation: operationType as SeenChange['operation'],
    id: String(documentKey._id),
    fields: raw.fullDocument ?? raw.updateDescription?.updatedFields ?? {},
  };
}

/** A resume token as text: MongoDB makes them so that they sort as changes came. */
export function tokenText(token: unknown): string {
  const data = (token as { _data?: unknown } | null | undefined)?._data;
  return typeof data === 'string' ? data : '';
}
