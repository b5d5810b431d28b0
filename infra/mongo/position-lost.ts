import { MongoServerError } from 'mongodb';

/** Error codes after which the position is of no use: history lost, token not found or not usable, stream not valid any more. */
const POSITION_LOST = new Set([136, 222, 234, 260, 280, 286, 50811]);

/** Whether a change stream cannot go on from where it was. */
export function isPositionLost(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return false;
  return POSITION_LOST.has(Number(error.code)) || error.hasErrorLabel('NonResumableChangeStreamError');
}
