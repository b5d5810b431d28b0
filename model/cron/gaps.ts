import { DAY_MS, endOfDay, firstDay, SECOND_MS, startOfDay, type CronFields } from './calendar.ts';
import type { Timing } from './timing.ts';
import type { ZoneRules } from './zone-rules.ts';

/** Calendars repeat after 28 years: every weekday has then been every date, leap days included. */
const CYCLE_FROM = Date.UTC(2000);
const CYCLE_UNTIL = Date.UTC(2029);

/** Rules of daylight saving say the same for each year, but its dates fall on other days. */
const CHANGE_YEARS = [2024, 2025, 2026, 2027, 2028, 2029, 2030, 2031];
/** A change of clocks brings irregular gaps at its begin and end and, rarely, in between: so many are looked at. */
const TIMES_PER_CHANGE = 200;

/**
 * The shortest time between two nominal times in a row. Exact by the calendar; where the zone's clocks change, as short as
 * it gets at the changes of some years.
 */
export function shortestGap(timing: Timing, fields: CronFields, rules: ZoneRules): number {
  const regular = calendarGap(fields);
  if (regular <= SECOND_MS) return regular;
  const irregular = CHANGE_YEARS.flatMap((year) => rules.transitions(year)).map(({ at, before, after }) => {
    const end = at + Math.abs(after - before);
    return Math.min(gapAround(timing, at, end), gapAround(timing, end, end));
  });
  return Math.min(regular, ...irregular);
}

/** Among the nominal times from the last one before `from` to the first two after `until`. */
function gapAround(timing: Timing, from: number, until: number): number {
  let shortest = Infinity;
  let before = timing.previous(from - SECOND_MS);
  for (let count = 0, beyond = 0; count < TIMES_PER_CHANGE && beyond < 2; count++) {
    const at = timing.next(before ?? from);
    if (at === undefined) break;
    if (before !== undefined) shortest = Math.min(shortest, at - before);
    if (at > until) beyond++;
    before = at;
  }
  return shortest;
}

function calendarGap(fields: CronFields): number {
  const { seconds, minutes, hours } = fields;
  const lastSecond = spread(seconds);
  const lastMinute = spread(minutes) * 60 + lastSecond;
  const inDay = Math.min(
    closest(seconds),
    closest(minutes) * 60 - lastSecond,
    closest(hours) * 3600 - lastMinute,
  );
  const overnight = DAY_MS - (endOfDay(fields) - startOfDay(fields)) * SECOND_MS;
  // Days further apart only make it longer, so they matter only if nights do.
  if (inDay * SECOND_MS <= overnight) return inDay * SECOND_MS;
  return Math.min(inDay * SECOND_MS, overnight + closestDays(fields) - DAY_MS);
}

/** Milliseconds from one day named to the next, at least. */
function closestDays(fields: CronFields): number {
  let shortest = CYCLE_UNTIL - CYCLE_FROM;
  let before = firstDay(fields, CYCLE_FROM / DAY_MS, CYCLE_UNTIL);
  while (before !== undefined && shortest > DAY_MS) {
    const day = firstDay(fields, before / DAY_MS + 1, CYCLE_UNTIL);
    if (day !== undefined) shortest = Math.min(shortest, day - before);
    before = day;
  }
  return shortest;
}

const spread = (values: readonly number[]): number => (values.at(-1) ?? 0) - (values[0] ?? 0);

/** The least difference of two neighbours; Infinity for one value alone. */
const closest = (values: readonly number[]): number =>
  values.reduce((least, value, index) => Math.min(least, value - (values[index - 1] ?? -Infinity)), Infinity);
