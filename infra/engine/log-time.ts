const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;
const FRACTION_DIGITS = 9;

/** An engine's time as `LogLine.time` has it: in UTC, with nine digits of a second. Undefined for what is no time. */
export function toLogTime(text: string): string | undefined {
  const [, seconds, fraction = '', zone] = RFC3339.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  const at = zone === 'Z' ? seconds : inUtc(`${seconds}${zone}`);
  return at === undefined ? undefined : `${at}.${fraction.padEnd(FRACTION_DIGITS, '0')}Z`;
}

function inUtc(text: string): string | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 19);
}

/** The first moment of a millisecond. */
export function logTimeOfMs(ms: number, nanos = 0): string {
  const text = new Date(Math.floor(ms)).toISOString();
  return `${text.slice(0, -1)}${String(nanos).padStart(FRACTION_DIGITS - 3, '0')}Z`;
}

/** As the engine's `since` takes it: seconds since the epoch, a point, nine digits. */
export function secondsOfLogTime(time: string): string {
  const at = toLogTime(time);
  if (at === undefined) throw new RangeError(`"${time}" is no time of a log entry`);
  return `${Date.parse(`${at.slice(0, 19)}Z`) / 1000}.${at.slice(20, -1)}`;
}
