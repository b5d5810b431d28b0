import { placeOfLast, told, type LogQuery, type ToldLine } from './page.ts';
import { dayText, LATEST, type StoredPlace } from './place.ts';
import type { StoredLog } from './stored-log.ts';
import { wanting, type LineFilter } from './wanted.ts';

/** Which lines a reader wants, and how many of the last ones to begin with. */
export type Wish = LineFilter & { day?: string; lines: number };

/** Some lines that go together, and the place after them. */
export type Part = { lines: ToldLine[]; place: StoredPlace };

const PART_LINES = 500;
const PART_BYTES = 256 * 1024;
/** Lines that nobody wants are passed over; now and then it is told how far. */
const PASSED_OVER = 20_000;

/** Where the last lines begin that are wanted, of those before `end`; where there are none, `end`. */
export async function beginningOf(
  log: StoredLog,
  wish: Wish,
  end: StoredPlace,
  signal: AbortSignal,
): Promise<StoredPlace> {
  const query: LogQuery = { ...wish, before: end };
  return (await placeOfLast(log, query, signal)) ?? end;
}

/** What is stored from one place on and before another, as a reader takes it. */
export async function* storedPart(
  log: StoredLog,
  wish: LineFilter & { day?: string },
  { from, to }: { from: StoredPlace; to: StoredPlace },
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const isWanted = wanting(wish);
  let part: Part = { lines: [], place: from };
  let bytes = 0;
  let passed = 0;
  for await (const line of log.forwards(from, signal, to)) {
    if (wish.day !== undefined && line.from.day !== wish.day) break;
    part.place = line.to;
    passed += 1;
    if (isWanted(line.text)) {
      part.lines.push(told(line));
      bytes += line.text.length;
    }
    if (part.lines.length < PART_LINES && bytes < PART_BYTES && passed < PASSED_OVER) continue;
    yield part;
    part = { lines: [], place: line.to };
    [bytes, passed] = [0, 0];
  }
  if (passed > 0) yield part;
}

/** Up to where a log is read for a wish: what came later than it asks for is on no later day. */
export const endOf = ({ day, toMs }: Pick<Wish, 'day' | 'toMs'>): StoredPlace => ({
  ...LATEST,
  day: day ?? (toMs === undefined ? LATEST.day : dayText(toMs)),
});
