import { setImmediate as breathe } from 'node:timers/promises';

/** Of small things; together they take milliseconds. */
const SIZE = 500;

/**
 * A long list in parts, with a turn of the event loop between two: whatever else the process has to do, a scrape or a change
 * that has to be planned now, waits for one part at most.
 */
export async function* slices<Item>(items: readonly Item[], size = SIZE): AsyncGenerator<Item[]> {
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await breathe();
    yield items.slice(from, from + size);
  }
}
