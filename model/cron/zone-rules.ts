import { DAY_MS, SECOND_MS } from './calendar.ts';
import { Lru } from './lru.ts';

/** A stretch of real time, [from, until), and how far the wall clocks that count in it are ahead of UTC. Milliseconds. */
export type Span = {
  readonly from: number;
  readonly until: number;
  readonly offsets: readonly number[];
};

/** A moment at which a zone's clocks were put forward or back. */
export type Transition = { readonly at: number; readonly before: number; readonly after: number };

/** The closest two changes of any zone since 1970 are a week apart (Brazil's north in October 2000). */
const LOOK_EVERY_MS = 3 * DAY_MS;
/** No zone's clocks were ever put forward or back by more: Samoa left out a day. */
const LARGEST_CHANGE_MS = DAY_MS;

/**
 * The history and future of one zone's clocks, from the tz database of the process. Worked out year by year as asked for,
 * and kept.
 */
class ZoneRules {
  readonly #clock: Intl.DateTimeFormat;
  readonly #changes = new Map<number, readonly Transition[]>();
  readonly #everyInstant = new Map<number, readonly Span[]>();
  readonly #eachWallTimeOnce = new Map<number, readonly Span[]>();

  constructor(zone: string) {
    this.#clock = clockOf(zone);
  }

  /** A year (of UTC) as stretches in which clocks show what they show. */
  everyInstant(year: number): readonly Span[] {
    return kept(this.#everyInstant, year, () =>
      clipped(
        this.#stretches(year).map(({ from, until, offset }) => ({ from, until, offsets: [offset] })),
        year,
      ),
    );
  }

  /**
   * A year (of UTC) as stretches in which every wall time, existing or not, comes exactly once: where clocks are put back,
   * the second pass through the same times is left out, and where they are put forward, clocks that were not put forward
   * count as well for as long as the leap was, so that what was leapt over comes that much later.
   */
  eachWallTimeOnce(year: number): readonly Span[] {
    return kept(this.#eachWallTimeOnce, year, () =>
      clipped(
        this.#stretches(year).flatMap(({ from, until, offset, before }): Span[] => {
          if (before <= offset) {
            const moved = from + (offset - before);
            return [
              { from, until: Math.min(moved, until), offsets: [before, offset] },
              { from: moved, until, offsets: [offset] },
            ];
          }
          return [{ from: from + (before - offset), until, offsets: [offset] }];
        }),
        year,
      ),
    );
  }

  /** Of a year (of UTC), oldest first. */
  transitions(year: number): readonly Transition[] {
    return kept(this.#changes, year, () =>
      this.#transitionsIn(Date.UTC(year) - SECOND_MS, Date.UTC(year + 1) - SECOND_MS),
    );
  }

  /** In (from, until]. */
  #transitionsIn(from: number, until: number): Transition[] {
    const found: Transition[] = [];
    let at = from;
    let offset = this.#offset(at);
    while (at < until) {
      const probe = Math.min(at + LOOK_EVERY_MS, until);
      if (this.#offset(probe) === offset) {
        at = probe;
        continue;
      }
      const before = offset;
      at = this.#firstWithout(before, at, probe);
      offset = this.#offset(at);
      found.push({ at, before, after: offset });
    }
    return found;
  }

  /** Between a moment with that offset and one without. */
  #firstWithout(offset: number, from: number, until: number): number {
    let [low, high] = [from, until];
    while (high - low > SECOND_MS) {
      const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
      if (this.#offset(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  /** `before`: the offset of the stretch before. */
  #stretches(year: number): { from: number; until: number; offset: number; before: number }[] {
    // What a change at the end of the year before leaves out or adds may reach into this one.
    const start = Date.UTC(year) - 2 * LARGEST_CHANGE_MS;
    const end = Date.UTC(year + 1);
    const changes = [...this.#transitionsIn(start, Date.UTC(year) - SECOND_MS), ...this.transitions(year)];
    const offset = changes[0]?.before ?? this.#offset(start);
    const all = [{ at: start, before: offset, after: offset }, ...changes];
    return all.map(({ at, before, after }, index) => ({
      from: at,
      until: all[index + 1]?.at ?? end,
      offset: after,
      before,
    }));
  }

  #offset(at: number): number {
    const parts = CLOCK.exec(this.#clock.format(at))?.slice(1).map(Number) ?? [];
    const [month = NaN, day, year = NaN, hour, minute, second] = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - at;
  }
}

export type { ZoneRules };

const CLOCK = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/;

const clockOf = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });

function clipped(spans: readonly Span[], year: number): readonly Span[] {
  return spans
    .map(({ from, until, offsets }) => ({
      from: Math.max(from, Date.UTC(year)),
      until: Math.min(until, Date.UTC(year + 1)),
      offsets,
    }))
    .filter(({ from, until }) => from < until);
}

function kept<Value>(values: Map<number, Value>, year: number, make: () => Value): Value {
  const known = values.get(year);
  if (known !== undefined) return known;
  const made = make();
  values.set(year, made);
  return made;
}

/** By the tz database's own name, so that there are never more of them than zones. */
const RULES = new Map<string, ZoneRules>();
const BY_NAME = new Lru<ZoneRules>(1000);

/** Throws for a zone that does not exist: names are checked by `readZone`. */
export const rulesOf = (zone: string): ZoneRules =>
  BY_NAME.get(zone, () => {
    const name = clockOf(zone).resolvedOptions().timeZone;
    const rules = RULES.get(name) ?? new ZoneRules(zone);
    RULES.set(name, rules);
    return rules;
  });
