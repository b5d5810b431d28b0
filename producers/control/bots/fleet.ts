import { compareKeys } from '../schedule-list/places.ts';
import type { PageKey } from '../page-token.ts';
import { FleetWatch } from './fleet-watch.ts';
import { keyOf, readRows, type BotOrder, type Row, type RowStores } from './rows.ts';

export type Placed = { row: Row; key: PageKey };

/** Without change streams a list may be so old, and everything is read at most so often. */
const BELIEVED_MS = 500;
/** Nobody asked for so long: the fleet is let go. */
const IDLE_MS = 60_000;
/** How soon change streams are tried again where there were none. */
const WATCH_AGAIN_MS = 30_000;
/** More changes than this are not read one by one. */
const MOST_DIRTY = 2_000;

/**
 * The whole fleet, reduced to what lists go by. Documents and statuses are in two databases, which no query can join, and
 * people search parts of names, which no index serves: so all are held here while lists are asked for, and of what changes
 * only that is read again. What a page then shows is read anew, by id.
 */
export class Fleet implements AsyncDisposable {
  readonly #stores: RowStores;
  readonly #monotonicMs: () => number;
  #held: Held | undefined;
  #looking: Promise<Held> | undefined;
  #watch: FleetWatch | undefined;
  #watchAgainMs = 0;
  /** Ids that changed since they were read; `all`: more than are worth telling apart. */
  #dirty = new Set<string>();
  #allDirty = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(stores: RowStores, monotonicMs: () => number = () => performance.now()) {
    this.#stores = stores;
    this.#monotonicMs = monotonicMs;
  }

  /** All bots in that order; half a second old at most. */
  async ordered(order: BotOrder): Promise<readonly Placed[]> {
    this.#stayAwake();
    if (this.#isCurrent()) return this.#held?.ordered(order) ?? [];
    // Whoever asks meanwhile gets the same.
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return (await this.#looking).ordered(order);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    this.#held = undefined;
    const watch = this.#watch;
    this.#watch = undefined;
    await watch?.close();
  }

  #isCurrent(): boolean {
    if (this.#held === undefined || this.#allDirty || this.#dirty.size > 0) return false;
    return this.#watch !== undefined || this.#monotonicMs() - this.#held.readMs <= BELIEVED_MS;
  }

  async #look(): Promise<Held> {
    // Whoever asks once, as a command does, needs nobody to listen.
    if (this.#watch === undefined && this.#held !== undefined) await this.#openWatch();
    const { held, dirty } = this.#takeDirty();
    const readMs = this.#monotonicMs();
    try {
      if (held === undefined || dirty === undefined) {
        const { rows, keys } = await readRows(this.#stores);
        return (this.#held = new Held(rows, keys, readMs));
      }
      const { rows, keys } = await readRows(this.#stores, dirty);
      held.replace(dirty, rows, keys);
      return held;
    } catch (error) {
      // What was not read is still to be.
      this.#allDirty = true;
      throw error;
    }
  }

  /** What is to be read again; `dirty` undefined: everything. What changes from here on is for the next look. */
  #takeDirty(): { held: Held | undefined; dirty: string[] | undefined } {
    const some = this.#watch !== undefined && !this.#allDirty;
    const dirty = some ? [...this.#dirty] : undefined;
    this.#dirty = new Set();
    this.#allDirty = false;
    return { held: this.#held, dirty };
  }

  async #openWatch(): Promise<void> {
    if (this.#monotonicMs() < this.#watchAgainMs) return;
    try {
      this.#watch = await FleetWatch.open({
        stores: this.#stores,
        idOf: (key) => this.#held?.keys.get(key),
        onChange: (id) => this.#changed(id),
        onEnd: () => {
          this.#watch = undefined;
          this.#allDirty = true;
        },
      });
      // Whatever was read before it listened may have changed since.
      this.#allDirty = true;
    } catch {
      // Standalone, or away, which the reading itself will tell: everything is read each time.
      this.#watchAgainMs = this.#monotonicMs() + WATCH_AGAIN_MS;
    }
  }

  #changed(id: string | undefined): void {
    if (id === undefined || this.#dirty.size >= MOST_DIRTY) this.#allDirty = true;
    else this.#dirty.add(id);
  }

  #stayAwake(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this[Symbol.asyncDispose](), IDLE_MS);
    this.#idle.unref();
  }
}

/** The rows, in each order that was asked for. */
class Held {
  readonly keys: Map<string, string>;
  readonly readMs: number;
  readonly #rows: Map<string, Row>;
  /** `changed`: ids whose rows are others by now than those that are placed. */
  readonly #orders = new Map<BotOrder, { placed: Placed[]; changed: Set<string> }>();

  constructor(rows: readonly Row[], keys: Map<string, string>, readMs: number) {
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.keys = keys;
    this.readMs = readMs;
  }

  ordered(order: BotOrder): readonly Placed[] {
    const known = this.#orders.get(order);
    const place = (row: Row): Placed => ({ row, key: keyOf(order, row) });
    if (known === undefined) {
      const placed = sorted([...this.#rows.values()].map(place));
      this.#orders.set(order, { placed, changed: new Set() });
      return placed;
    }
    const { changed } = known;
    if (changed.size === 0) return known.placed;
    const fresh = [...changed].flatMap((id) => this.#rows.get(id) ?? []).map(place);
    const kept = known.placed.filter(({ row }) => !changed.has(row.id));
    const placed = merged(kept, sorted(fresh));
    this.#orders.set(order, { placed, changed: new Set() });
    return placed;
  }

  /** Puts what was read of these ids in the place of what was known; an id without a row is gone. */
  replace(ids: readonly string[], rows: readonly Row[], keys: ReadonlyMap<string, string>): void {
    for (const id of ids) this.#rows.delete(id);
    for (const row of rows) this.#rows.set(row.id, row);
    for (const [key, id] of keys) this.keys.set(key, id);
    for (const { changed } of this.#orders.values()) for (const id of ids) changed.add(id);
  }
}

const sorted = (placed: Placed[]): Placed[] => placed.sort((one, other) => compareKeys(one.key, other.key));

/** Few among many: where each belongs is looked up, and what lies between is taken as it is. */
function merged(many: readonly Placed[], few: readonly Placed[]): Placed[] {
  const all: Placed[] = [];
  let from = 0;
  for (const one of few) {
    const to = placeOf(many, one.key, from);
    for (; from < to; from += 1) all.push(many[from] as Placed);
    all.push(one);
  }
  for (; from < many.length; from += 1) all.push(many[from] as Placed);
  return all;
}

/** Where the first stands that comes after the key. */
export function placeOf(placed: readonly Placed[], key: PageKey, from = 0): number {
  let [low, high] = [from, placed.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys((placed[middle] as Placed).key, key) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
