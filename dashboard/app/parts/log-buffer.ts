import { readLine } from '../../../model/read-line.ts';

/** A line as the log's view keeps it; what it says is read once it is seen. */
export type Entry = { raw: string; atMs: number | undefined; shown?: Shown };
export type Shown = { level: Level; text: string; atMs: number | undefined };
export const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number] | 'none';

/** What programs call them. */
const NAMES: Readonly<Record<(typeof LEVELS)[number], readonly string[]>> = {
  error: ['error', 'fatal', 'critical'],
  warn: ['warn', 'warning'],
  info: ['info', 'notice'],
  debug: ['debug', 'trace'],
};

export const namesOf = (levels: readonly (typeof LEVELS)[number][]): string[] =>
  levels.flatMap((each) => NAMES[each]);

export function shownOf(entry: Entry): Shown {
  if (entry.shown === undefined) {
    const { text, level, atMs } = readLine(entry.raw);
    const known = LEVELS.find((each) => NAMES[each].includes(level ?? ''));
    entry.shown = { text, level: known ?? 'none', atMs: atMs ?? entry.atMs };
  }
  return entry.shown;
}

/** So many lines stay; a view of a million would only be slow, and the log itself keeps them. */
const MOST = 50_000;
/** Dropped at once, so that it is rare. */
const DROPPED = 10_000;

/** The lines of a view, the newest last. */
export class LogBuffer {
  readonly entries: Entry[] = [];
  /** Whether lines at the beginning had to go. */
  hasDropped = false;

  /** Gives how many lines went at the beginning. */
  append(lines: readonly Entry[]): number {
    this.entries.push(...lines);
    if (this.entries.length <= MOST) return 0;
    const dropped = this.entries.length - (MOST - DROPPED);
    this.entries.splice(0, dropped);
    this.hasDropped = true;
    return dropped;
  }

  /** Puts earlier lines before all others, as far as there is room. */
  prepend(lines: readonly Entry[]): void {
    this.entries.unshift(...lines);
  }

  get isFull(): boolean {
    return this.entries.length >= MOST;
  }
}
