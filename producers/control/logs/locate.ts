import { comparePlaces } from './page.ts';
import { isLive, type LogPlace, type StoredPlace } from './place.ts';
import { likeOf } from './live-lines.ts';
import type { LogRoom } from './room.ts';
import type { StoredLog } from './stored-log.ts';

/**
 * Where a log goes on after a position: at a stored place, or with a live line of the room's. `repeats`: the line that the
 * reader had last was not found, so that some of what follows may have been told to him already.
 */
export type Continuation =
  { kind: 'stored'; place: StoredPlace; repeats?: true } | { kind: 'live'; from: number };

/** `room`: absent where nothing live is to be had. Reads no more than what was stored since the position. */
export async function locate(
  log: StoredLog,
  after: LogPlace,
  room: LogRoom | undefined,
  signal: AbortSignal,
): Promise<Continuation> {
  const { day, offset } = after;
  const base: StoredPlace = { day, offset };
  if (!isLive(after)) return { kind: 'stored', place: base };
  const anchor = room?.anchor;
  let left = after.count;
  for await (const { text, to } of log.forwards(base, signal, anchor?.place)) {
    if (likeOf(text) !== after.like) continue;
    left -= 1;
    if (left === 0) return { kind: 'stored', place: to };
  }
  if (room !== undefined && anchor !== undefined && comparePlaces(base, anchor.place) <= 0) {
    const { lines, first } = room.linesFrom(anchor.from);
    for (const [at, { like }] of lines.entries()) {
      if (like !== after.like) continue;
      left -= 1;
      if (left === 0) return { kind: 'live', from: first + at + 1 };
    }
  }
  return { kind: 'stored', place: base, repeats: true };
}
