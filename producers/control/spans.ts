import type { Document } from 'mongodb';

/** From the first moment on, and before the second; absent: without end. */
export type Span = { from?: Date; to?: Date };

/** What lies in a span. */
export const spanOf = ({ from, to }: Span): Document =>
  from === undefined && to === undefined
    ? {}
    : { at: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) } };

/**
 * What comes after a place in a list that has the newest first. The first bound is one of the index; the second leaves out
 * those of the same moment that were shown.
 */
export const newestBefore = (place: { at: Date; id: unknown } | undefined): Document =>
  place === undefined
    ? {}
    : { at: { $lte: place.at }, $or: [{ at: { $lt: place.at } }, { _id: { $lt: place.id } }] };
