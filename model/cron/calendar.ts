/**
 * The days and times of day that a cron names, on a calendar without zones. A moment here is what a wall clock shows,
 * counted in milliseconds as if the clock stood in UTC; whole seconds.
 */
export type CronFields = {
  /** Each sorted, without doubles, never empty. */
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Bit n is set for day n of the month. */
  readonly monthDays: number;
  readonly lastMonthDay: boolean;
  /** Bit n is set for month n, January being 0. */
  readonly months: number;
  /** For each weekday from Sunday: bit n-1 for the nth of the month (`1#2`), `LAST_OF_MONTH` for the last one (`5L`). */
  readonly weekdays: readonly number[];
  /** Whether the field says anything: not so for `*` and `?`. If both do, a day has to satisfy one of them. */
  readonly monthDaysRestricted: boolean;
  readonly weekdaysRestricted: boolean;
};

export const LAST_OF_MONTH = 0b100000;
export const EVERY_OF_MONTH = 0b111111;

export const SECOND_MS = 1000;
const MINUTE_S = 60;
const HOUR_S = 3600;
export const DAY_MS = 86_400_000;

/** The first moment named in [from, until). */
export function firstMoment(fields: CronFields, from: number, until: number): number | undefined {
  const day = Math.floor(from / DAY_MS);
  if (matchesDay(fields, new Date(from))) {
    const time = firstTime(fields, (from - day * DAY_MS) / SECOND_MS);
    if (time !== undefined) return within(day * DAY_MS + time * SECOND_MS, from, until);
  }
  const later = firstDay(fields, day + 1, until);
  return later === undefined ? undefined : within(later + startOfDay(fields) * SECOND_MS, from, until);
}

/** The last moment named in [from, until). */
export function lastMoment(fields: CronFields, from: number, until: number): number | undefined {
  const at = until - SECOND_MS;
  const day = Math.floor(at / DAY_MS);
  if (matchesDay(fields, new Date(at))) {
    const time = lastTime(fields, (at - day * DAY_MS) / SECOND_MS);
    if (time !== undefined) return within(day * DAY_MS + time * SECOND_MS, from, until);
  }
  const earlier = lastDay(fields, day - 1, from);
  return earlier === undefined ? undefined : within(earlier + endOfDay(fields) * SECOND_MS, from, until);
}

const within = (moment: number, from: number, until: number): number | undefined =>
  moment >= from && moment < until ? moment : undefined;

/** The start of the first day named, from that day (counted since 1970) on, that begins before `until`. */
export function firstDay(fields: CronFields, day: number, until: number): number | undefined {
  let at = day * DAY_MS;
  while (at < until) {
    const date = new Date(at);
    if (!hasMonth(fields, date)) at = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    else if (matchesDay(fields, date)) return at;
    else at += DAY_MS;
  }
  return undefined;
}

/** The start of the last day named, up to that day, that ends after `from`. */
function lastDay(fields: CronFields, day: number, from: number): number | undefined {
  let at = day * DAY_MS;
  while (at + DAY_MS > from) {
    const date = new Date(at);
    if (!hasMonth(fields, date)) at = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) - DAY_MS;
    else if (matchesDay(fields, date)) return at;
    else at -= DAY_MS;
  }
  return undefined;
}

const hasMonth = (fields: CronFields, date: Date): boolean =>
  (fields.months & (1 << date.getUTCMonth())) !== 0;

function matchesDay(fields: CronFields, date: Date): boolean {
  if (!hasMonth(fields, date)) return false;
  const { monthDaysRestricted, weekdaysRestricted } = fields;
  if (monthDaysRestricted && weekdaysRestricted)
    return matchesMonthDay(fields, date) || matchesWeekday(fields, date);
  if (weekdaysRestricted) return matchesWeekday(fields, date);
  return !monthDaysRestricted || matchesMonthDay(fields, date);
}

function matchesMonthDay(fields: CronFields, date: Date): boolean {
  const day = date.getUTCDate();
  return (fields.monthDays & (1 << day)) !== 0 || (fields.lastMonthDay && day === monthLength(date));
}

function matchesWeekday(fields: CronFields, date: Date): boolean {
  const which = fields.weekdays[date.getUTCDay()] ?? 0;
  if (which === 0 || which === EVERY_OF_MONTH) return which !== 0;
  const day = date.getUTCDate();
  const nth = 1 << Math.floor((day - 1) / 7);
  return (which & nth) !== 0 || ((which & LAST_OF_MONTH) !== 0 && day > monthLength(date) - 7);
}

const monthLength = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();

/** Seconds of the day of the first time named. */
export const startOfDay = ({ hours, minutes, seconds }: CronFields): number =>
  first(hours) * HOUR_S + first(minutes) * MINUTE_S + first(seconds);

/** Seconds of the day of the last time named. */
export const endOfDay = ({ hours, minutes, seconds }: CronFields): number =>
  last(hours) * HOUR_S + last(minutes) * MINUTE_S + last(seconds);

/** The first time of day named at or after that second of the day. */
function firstTime({ hours, minutes, seconds }: CronFields, from: number): number | undefined {
  const fromHour = Math.floor(from / HOUR_S);
  const fromMinute = Math.floor((from % HOUR_S) / MINUTE_S);
  for (const hour of hours) {
    if (hour < fromHour) continue;
    if (hour > fromHour) return hour * HOUR_S + first(minutes) * MINUTE_S + first(seconds);
    for (const minute of minutes) {
      if (minute < fromMinute) continue;
      const start = hour * HOUR_S + minute * MINUTE_S;
      if (minute > fromMinute) return start + first(seconds);
      for (const second of seconds) if (start + second >= from) return start + second;
    }
  }
  return undefined;
}

/** The last time of day named at or before that second of the day. */
function lastTime({ hours, minutes, seconds }: CronFields, at: number): number | undefined {
  const atHour = Math.floor(at / HOUR_S);
  const atMinute = Math.floor((at % HOUR_S) / MINUTE_S);
  for (const hour of hours.toReversed()) {
    if (hour > atHour) continue;
    if (hour < atHour) return hour * HOUR_S + last(minutes) * MINUTE_S + last(seconds);
    for (const minute of minutes.toReversed()) {
      if (minute > atMinute) continue;
      const start = hour * HOUR_S + minute * MINUTE_S;
      if (minute < atMinute) return start + last(seconds);
      for (const second of seconds.toReversed()) if (start + second <= at) return start + second;
    }
  }
  return undefined;
}

// Never empty, see CronFields.
const first = (values: readonly number[]): number => values[0] ?? 0;
const last = (values: readonly number[]): number => values.at(-1) ?? 0;
