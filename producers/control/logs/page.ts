import { readLine } from '../../../model/read-line.ts';
import { InvalidRequest } from '../errors.ts';
import { isDay, LATEST, placeText, type LogPlace, type StoredPlace } from './place.ts';
import type { StoredLine, StoredLog } from './stored-log.ts';
import { wanting, type LineFilter } from './wanted.ts';

/** A line and the position after it, which is empty where there is none. */
export type ToldLine = { text: string; position: string };

export type LogQuery = LineFilter & {
  /** `YYYYMMDD`: of that day alone. */
  day?: string;
  /** What comes before this place. */
  before?: StoredPlace;
  lines: number;
};

/** So many older lines in a row show that what comes before is older, too: a bot may give some of its lines any time. */
const OLDER_IN_A_ROW = 1_000;
/** What fits into an answer that any client takes. */
const MOST_BYTES = 2_000_000;

/**
 * The last lines of a stored log, oldest first, and the place before them; undefined: nothing that is asked for comes before.
 * @throws InvalidRequest for a day that is none
 */
export async function lastLines(
  log: StoredLog,
  query: LogQuery,
  signal: AbortSignal,
): Promise<{ lines: ToldLine[]; earlier: StoredPlace | undefined }> {
  const found: StoredLine[] = [];
  let bytes = 0;
  for await (const line of wantedBackwards(log, query, signal)) {
    bytes += Buffer.byteLength(line.text);
    const full = found.length >= query.lines || (bytes > MOST_BYTES && found.length > 0);
    if (full) return { lines: found.map(told).reverse(), earlier: found.at(-1)?.from };
    found.push(line);
  }
  return { lines: found.map(told).reverse(), earlier: undefined };
}

/** The place before the last so many wanted lines; undefined: there are none. Keeps none of them. */
export async function placeOfLast(
  log: StoredLog,
  query: LogQuery,
  signal: AbortSignal,
): Promise<StoredPlace | undefined> {
  let place: StoredPlace | undefined;
  let count = 0;
  if (query.lines > 0)
    for await (const line of wantedBackwards(log, query, signal)) {
      place = line.from;
      count += 1;
      if (count >= query.lines) break;
    }
  return place;
}

/**
 * The lines that are wanted, the last one first, and no further back than they may be.
 * @throws InvalidRequest for a day that is none
 */
export async function* wantedBackwards(
  log: StoredLog,
  { day, before, ...filter }: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<StoredLine> {
  if (day !== undefined && !isDay(day))
    throw new InvalidRequest('date', `There is no day ${JSON.stringify(day)}`, 'give a day as YYYYMMDD');
  const isWanted = wanting(filter);
  const start = before ?? LATEST;
  const from = day === undefined || start.day < day ? start : dayEnd(day, start);
  let older = 0;
  for await (const line of log.backwards(from, signal)) {
    if (day !== undefined && line.from.day < day) return;
    older = isOlder(line.text, filter.sinceMs) ? older + 1 : 0;
    if (older >= OLDER_IN_A_ROW) return;
    if (isWanted(line.text)) yield line;
  }
}

const dayEnd = (day: string, start: StoredPlace): StoredPlace =>
  start.day === day ? start : { day, offset: LATEST.offset };

const isOlder = (text: string, sinceMs: number | undefined): boolean =>
  sinceMs !== undefined && (readLine(text).atMs ?? Infinity) < sinceMs;

export const told = ({ text, to }: StoredLine): ToldLine => ({ text, position: placeText(to) });

/** Negative: the first comes before the second. By what is stored of them. */
export const comparePlaces = (one: LogPlace, other: LogPlace): number =>
  one.day === other.day ? one.offset - other.offset : one.day < other.day ? -1 : 1;
