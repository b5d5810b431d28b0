/** Numbers and times as people read them. All that takes a moment is in milliseconds since the epoch. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `41 s`, `4 min`, `2 h 5 min`, `3 d 4 h`: two units where the first alone would be too coarse. */
export function lasting(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < SECOND) return `${Math.round(whole)} ms`;
  if (whole < 10 * SECOND) return `${trimmed(whole / SECOND)} s`;
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return two(whole, MINUTE, 'min', SECOND, 's', 5);
  if (whole < DAY) return two(whole, HOUR, 'h', MINUTE, 'min', 24);
  return two(whole, DAY, 'd', HOUR, 'h', 10);
}

function two(
  ms: number,
  big: number,
  bigUnit: string,
  small: number,
  smallUnit: string,
  below: number,
): string {
  const first = Math.floor(ms / big);
  const rest = Math.floor((ms - first * big) / small);
  return first < below && rest > 0 ? `${first} ${bigUnit} ${rest} ${smallUnit}` : `${first} ${bigUnit}`;
}

const trimmed = (value: number): string => value.toFixed(1).replace(/\.0$/, '');

/** `4 min ago`, `in 12 s`, `now`. */
export function relative(ms: number, nowMs: number): string {
  const apart = nowMs - ms;
  if (Math.abs(apart) < 1_500) return 'now';
  // Seconds that flicker tell nobody anything once a minute is over.
  const coarse = Math.abs(apart) < MINUTE ? Math.floor(Math.abs(apart) / SECOND) * SECOND : Math.abs(apart);
  return apart > 0 ? `${oneUnit(coarse)} ago` : `in ${oneUnit(coarse)}`;
}

/** A clock is no quicker than that to move a time that is due on. */
const DUE_MS = 10_000;

/** Of what is to come: `in 12 s`, `now`, and `overdue by 4 min` where it should have come. */
export const due = (ms: number, nowMs: number): string =>
  nowMs - ms > DUE_MS ? `overdue by ${oneUnit(nowMs - ms)}` : nowMs > ms ? 'now' : relative(ms, nowMs);

function oneUnit(ms: number): string {
  if (ms < MINUTE) return `${Math.max(1, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** Of a zone, or of the viewer's where none is named. */
export type Zone = string | undefined;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone ?? ''} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat('en-GB', {
      ...options,
      ...(zone === undefined ? {} : { timeZone: zone }),
    });
    formats.set(key, made);
  }
  return made;
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
const DATE = { day: 'numeric', month: 'short' } as const;

export const clockTime = (ms: number, zone?: Zone): string => format(zone, CLOCK).format(ms);

export const dayOf = (ms: number, zone?: Zone): string =>
  format(zone, { weekday: 'short', ...DATE, year: 'numeric' }).format(ms);

/** `14:03:22` of today, `28 Nov 14:03:22` of this year, `28 Nov 2025 14:03:22` of another. */
export function moment(ms: number, nowMs: number, zone?: Zone): string {
  const day = format(zone, { ...DATE, year: 'numeric' });
  const time = clockTime(ms, zone);
  if (day.format(ms) === day.format(nowMs)) return time;
  const year = format(zone, { year: 'numeric' });
  const date = year.format(ms) === year.format(nowMs) ? format(zone, DATE).format(ms) : day.format(ms);
  return `${date} ${time}`;
}

/** `2026-11-29 09:00:00 UTC` */
export const utc = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

export const viewersZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  for (const [unit, size] of [
    ['kB', 1e3],
    ['MB', 1e6],
    ['GB', 1e9],
  ] as const)
    if (count < size * 1_000) return `${(count / size).toFixed(count / size < 10 ? 1 : 0)} ${unit}`;
  return `${(count / 1e12).toFixed(1)} TB`;
}

/** A sentence cut where code between backticks begins and ends; a backtick that stands alone is text. */
export const codeParts = (text: string): { text: string; isCode: boolean }[] =>
  text
    .split(/(`[^`]+`)/)
    .filter((part) => part !== '')
    .map((part) =>
      /^`[^`]+`$/.test(part) ? { text: part.slice(1, -1), isCode: true } : { text: part, isCode: false },
    );

const wholeNumbers = new Intl.NumberFormat('en-GB');
export const count = (value: number | bigint): string => wholeNumbers.format(value);

/** `1 bot`, `2 bots`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** What a calendar shows: `November 2026`, `Sun, 29 Nov 2026`, `Sun, 29 Nov 2026 09:00`. */
export function calendarTitle(scale: 'month' | 'day' | 'hour', fromMs: number): string {
  if (scale === 'month') return format(undefined, { month: 'long', year: 'numeric' }).format(fromMs);
  return scale === 'day' ? dayOf(fromMs) : `${dayOf(fromMs)} ${clockTime(fromMs).slice(0, 5)}`;
}
