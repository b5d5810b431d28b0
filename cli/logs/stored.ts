import { wantedBackwards } from '../../producers/control/logs/page.ts';
import { dayText, LATEST } from '../../producers/control/logs/place.ts';
import { StoredLog, type LogStore } from '../../producers/control/logs/stored-log.ts';

const DAY_MS = 86_400_000;

export type StoredOptions = {
  /** `YYYYMMDD`, the newest day that is read. */
  day: string;
  /** How many days back it may go. */
  days: number;
  /** Leaves out lines that are older, and stops where there is nothing but those; epoch milliseconds. */
  sinceMs?: number;
  /** At most so many lines. */
  lines: number;
  signal: AbortSignal;
};

/** The last lines of a bot's log, oldest first. */
export async function readStored(
  s3: LogStore,
  bucket: string,
  id: string,
  { day, days, sinceMs, lines, signal }: StoredOptions,
): Promise<string[]> {
  const found: string[] = [];
  const oldest = dayText(dayMs(day) - (days - 1) * DAY_MS);
  const log = new StoredLog({ store: s3, bucket, id });
  const query = {
    lines,
    before: { ...LATEST, day },
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
  for await (const { text, from } of wantedBackwards(log, query, signal)) {
    if (from.day < oldest) break;
    found.push(text);
    if (found.length >= lines) break;
  }
  return found.reverse();
}

const dayMs = (day: string): number =>
  Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
