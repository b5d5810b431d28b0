import type { Event } from '../../../proto/gen/the0/runtime/v1/events_pb.js';
import { msOf } from './rows.ts';

/** A line of a story: one thing that happened, or many of the same kind in a row. */
export type Chapter =
  | { is: 'event'; event: Event }
  /** `phases`: those that it went through again and again. Newest first, as all of it. */
  | {
      is: 'again';
      events: readonly Event[];
      rounds: number;
      phases: readonly string[];
      fromMs: number;
      toMs: number;
    };

/** So many in a row are shown one by one; more are one line. */
const SHOWN = 8;

/**
 * A story as somebody can read it: a bot that crashed ten thousand times has one line for that. `events`: newest first.
 * Phases that repeat are taken together, whatever else happened stands by itself.
 */
export function chaptersOf(events: readonly Event[]): Chapter[] {
  const chapters: Chapter[] = [];
  for (let at = 0; at < events.length;) {
    let to = at;
    while (to < events.length && events[to]?.kind === 'phase') to += 1;
    const row = events.slice(at, to);
    if (row.length > SHOWN && repeats(row)) {
      // The newest few stand by themselves: where it is now must not be hidden.
      chapters.push(...row.slice(0, 3).map(single), together(row.slice(3)));
    } else chapters.push(...row.map(single));
    if (to < events.length) {
      const other = events[to];
      if (other !== undefined) chapters.push(single(other));
      to += 1;
    }
    at = to;
  }
  return chapters;
}

const single = (event: Event): Chapter => ({ is: 'event', event });

const repeats = (row: readonly Event[]): boolean =>
  new Set(row.map(({ after }) => after)).size * 2 <= row.length;

function together(events: readonly Event[]): Chapter {
  const counts = new Map<string, number>();
  for (const { after } of events) counts.set(after, (counts.get(after) ?? 0) + 1);
  return {
    is: 'again',
    events,
    rounds: Math.max(...counts.values()),
    phases: [...counts.keys()],
    fromMs: msOf(events.at(-1)?.at) ?? 0,
    toMs: msOf(events[0]?.at) ?? 0,
  };
}
