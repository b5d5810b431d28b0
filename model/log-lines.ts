import { isUtf8 } from 'node:buffer';

/**
 * How a line of output stands in a bot's log (contract §4.2), without its newline. Undefined: an empty line, which is
 * dropped. `time` is the engine's (`LogLine.time`). An object keeps its bytes: one without a timestamp gets it as last
 * member, so that 64-bit ids and the order of its members survive. Bytes that are no UTF-8 are shown as U+FFFD, NUL and
 * other control characters as JSON escapes: what is stored is always valid JSON and one line.
 */
export function storedLine(raw: Buffer, time: string): Buffer | undefined {
  const text = trimmed(raw.toString('utf8'));
  if (text === '') return undefined;
  const object = objectIn(text);
  if (object === undefined) return Buffer.from(asMessage(text, time));
  if (!Object.hasOwn(object, 'timestamp')) return Buffer.from(withTimestamp(text, object, time));
  // What is valid is passed on as it came; decoding and encoding would give the same bytes.
  return isUtf8(raw) && text.length === raw.length ? raw : Buffer.from(text);
}

/** A line that was cut at the limit: no object any more, whatever it began as. */
export function cutLine(raw: Buffer, time: string, limitKb: number): Buffer {
  const text = trimmed(raw.subarray(0, wholeCharacters(raw)).toString('utf8'));
  return Buffer.from(asMessage(`${text} [the0] cut: longer than ${limitKb} KB`, time));
}

/** Seconds of an entry's time, as the platform parses them. */
export const timestampOf = (time: string): string => `${time.slice(0, 19)}Z`;

/** `YYYYMMDD` of an entry's time, in UTC as the time is. */
export const dayOf = (time: string): string => time.slice(0, 10).replaceAll('-', '');

/** What is told in a bot's log about the log itself. */
export function markLine(message: string, time: string, fields: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(
    JSON.stringify({ level: 'warn', message: `[the0] ${message}`, timestamp: timestampOf(time), ...fields }),
  );
}

function withTimestamp(text: string, object: object, time: string): string {
  const comma = Object.keys(object).length === 0 ? '' : ',';
  return `${text.slice(0, -1)}${comma}"timestamp":"${timestampOf(time)}"}`;
}

function asMessage(text: string, time: string): string {
  return `{"timestamp":"${timestampOf(time)}","message":${oneLine(JSON.stringify(text))}}`;
}

/** Readers that split at Unicode's line ends must find one line, too. */
const oneLine = (json: string): string =>
  json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');

function objectIn(text: string): object | undefined {
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** White space as the platform's own writer trims it: Unicode's, which is not quite JavaScript's. */
const SPACE = '[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${SPACE}+`);
const IS_SPACE = new RegExp(SPACE);

function trimmed(text: string): string {
  // From the end by hand: a regular expression would try at each run of spaces within the line.
  let end = text.length;
  while (end > 0 && IS_SPACE.test(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end).replace(LEADING, '');
}

/** How much of a text that was cut anywhere is whole characters: up to three bytes of a begun one are left out. */
function wholeCharacters(raw: Buffer): number {
  for (let back = 1; back <= Math.min(3, raw.length); back += 1) {
    const byte = raw[raw.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? raw.length - back : raw.length;
  }
  return raw.length;
}
