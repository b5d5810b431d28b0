import { changesOf, checkPosition, positionLost } from './feed.ts';
import type { EventHub, EventHubOptions } from './hub.ts';
import { itemsOf, type StreamItem } from './subjects.ts';

export type EventStreamRequest = {
  /** Position of the last answer; absent: from now on. */
  after?: string;
  ids?: ReadonlySet<string>;
  kinds?: ReadonlySet<string>;
};

/** One of the changes, or a sign of life; either with the position to go on after. */
export type EventAnswer = { item?: StreamItem; position: string };

const HEARTBEAT_MS = 15_000;

/**
 * What changes, from a position on. Holds one answer for its reader, and waits until he has taken it.
 * @throws InvalidRequest `position_lost`, Exhausted (too slow), and what MongoDB threw
 */
export async function* streamEvents(
  hub: EventHub,
  deps: EventHubOptions,
  { after, ids, kinds }: EventStreamRequest,
  signal: AbortSignal,
): AsyncGenerator<EventAnswer> {
  if (after !== undefined) checkPosition(after);
  using seat = await hub.enter();
  if (after !== undefined && secondsOf(after) > secondsOf(seat.position) + AHEAD_SECONDS)
    throw positionLost('It is a position that has not come yet');
  const isWanted = ({ event }: StreamItem): boolean =>
    (kinds === undefined || kinds.has(event.kind)) &&
    (ids === undefined || ids.has(event.id) || ids.has(event.schedule ?? ''));
  let position = after ?? seat.position;
  yield { position };
  if (after !== undefined && after < seat.position)
    for await (const seen of changesOf(deps.database, after, signal)) {
      const due = seen.changes.filter(({ token }) => token <= seat.position);
      const bounds = { before: position, after: least(seen.position, seat.position) };
      for (const item of (await itemsOf(deps.stores, deps.operator, due, bounds)).filter(isWanted))
        yield { item, position: item.position };
      position = bounds.after;
      if (seen.position >= seat.position) break;
    }
  let from = seat.from;
  let toldMs = performance.now();
  for (;;) {
    const items = await seat.hub.next(from, signal, HEARTBEAT_MS);
    from += items.length;
    for (const item of items) {
      position = item.position;
      // Another process may have told him more than is known here.
      if (!isWanted(item) || (after !== undefined && item.position <= after)) continue;
      yield { item, position };
      toldMs = performance.now();
    }
    if (performance.now() - toldMs < HEARTBEAT_MS - 1) continue;
    // What nobody wants moves the position, too, so that a quiet week does not outlive what MongoDB keeps.
    if (from === seat.hub.end) position = seat.hub.position;
    yield { position };
    toldMs = performance.now();
  }
}

/** Of two processes that look at the same MongoDB one may be behind. */
const AHEAD_SECONDS = 60;

/** Positions begin with a type and the seconds of MongoDB's clock. */
const secondsOf = (position: string): number => Number.parseInt(position.slice(2, 10), 16);

const least = (one: string, other: string): string => (one < other ? one : other);
