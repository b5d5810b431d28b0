import { cutLine, markLine, storedLine } from '../../model/log-lines.ts';
import type { LogCursor } from '../../model/log-cursor.ts';
import type { OutputLine } from './join.ts';

export type LogLimits = {
  lineKb: number;
  /** Bytes a second, on average; a minute's worth may come at once. */
  rateBytes: number;
  dayBytes: number;
};

/** The limits, and the size of the engine's files, as the settings have them. */
export function logLimitsOf(settings: {
  LOG_LINE_KB: number;
  LOG_RATE_KB: number;
  LOG_DAY_MB: number;
  LOG_ENGINE_MB: number;
}): { limits: LogLimits; engineBytes: number } {
  return {
    limits: {
      lineKb: settings.LOG_LINE_KB,
      rateBytes: settings.LOG_RATE_KB * 1024,
      dayBytes: settings.LOG_DAY_MB * 1024 ** 2,
    },
    engineBytes: settings.LOG_ENGINE_MB * 1024 ** 2,
  };
}

const BURST_SECONDS = 60;
const NEWLINE = Buffer.from('\n');

type LeftOut = { lines: number; bytes: number };

/**
 * What one write adds to a log. Which lines a limit leaves out depends on the cursor and on the bot's output alone, so a
 * flush that is done again decides the same.
 */
export class Batch {
  readonly #limits: LogLimits;
  readonly #chunks: Buffer[] = [];
  readonly #left: Record<'rate' | 'day', LeftOut> = {
    rate: { lines: 0, bytes: 0 },
    day: { lines: 0, bytes: 0 },
  };
  readonly #before: LogCursor;
  readonly #objectBytes: number;
  #rate: { bytes: number; atMs: number } | undefined;
  #bytes = 0;
  #lastTime = '';
  /** Time of the oldest line. */
  firstTime: string | undefined;
  /** Entries read from the engine, whatever became of them. */
  entries = 0;
  gaps = 0;

  /** `objectBytes`: what the day's log holds already. */
  constructor(limits: LogLimits, cursor: LogCursor, objectBytes: number) {
    this.#limits = limits;
    this.#before = cursor;
    this.#objectBytes = objectBytes;
    this.#rate = cursor.rate;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(line: OutputLine): void {
    const stored = line.cut
      ? cutLine(line.raw, line.time, this.#limits.lineKb)
      : storedLine(line.raw, line.time);
    if (stored === undefined) return;
    this.firstTime ??= line.time;
    this.#lastTime = line.time;
    const limit = this.#limitOf(stored.length + 1, line.time);
    if (limit === undefined) return this.#push(stored);
    this.#left[limit].lines += 1;
    this.#left[limit].bytes += stored.length + 1;
  }

  /** Something about the log itself; no limit holds it back. */
  mark(message: string, time: string, fields: Readonly<Record<string, unknown>>): void {
    this.firstTime ??= time;
    this.#lastTime = time;
    this.#push(markLine(message, time, fields));
  }

  /** Tells what was left out, once, and gives what is written, with the limits' part of the cursor. */
  seal(): { tail: Buffer; limits: Pick<LogCursor, 'rate' | 'left' | 'full'>; dropped: LeftOut } {
    const { rate, day } = this.#left;
    const dropped = { lines: rate.lines + day.lines, bytes: rate.bytes + day.bytes };
    if (dropped.lines > 0) this.mark(this.#words(), this.#lastTime, { dropped });
    return {
      tail: Buffer.concat(this.#chunks),
      limits: {
        ...(this.#rate === undefined ? {} : { rate: this.#rate }),
        left: {
          lines: this.#before.left.lines + dropped.lines,
          bytes: this.#before.left.bytes + dropped.bytes,
        },
        full: this.#before.full || day.lines > 0,
      },
      dropped,
    };
  }

  #push(stored: Buffer): void {
    this.#chunks.push(stored, NEWLINE);
    this.#bytes += stored.length + 1;
  }

  #limitOf(bytes: number, time: string): 'rate' | 'day' | undefined {
    const { rateBytes, dayBytes } = this.#limits;
    if (this.#before.full || this.#objectBytes + this.#bytes + bytes > dayBytes) return 'day';
    const burst = rateBytes * BURST_SECONDS;
    const nowMs = Date.parse(time);
    const { bytes: had, atMs } = this.#rate ?? { bytes: burst, atMs: nowMs };
    const has = Math.min(burst, had + (Math.max(0, nowMs - atMs) / 1000) * rateBytes);
    const kept = bytes <= has;
    // What is a little out of order earns nothing; a clock that was set back must not stop the earning until it is there again.
    const setBack = nowMs < atMs - BURST_SECONDS * 1000;
    this.#rate = {
      bytes: Math.floor(kept ? has - bytes : has),
      atMs: setBack ? nowMs : Math.max(atMs, nowMs),
    };
    return kept ? undefined : 'rate';
  }

  #words(): string {
    const { rate, day } = this.#left;
    const told = [
      ...(rate.lines === 0
        ? []
        : [
            `${amount(rate)} left out: the bot prints more than ${Math.floor(this.#limits.rateBytes / 1024)} KB a second (LOG_RATE_KB)`,
          ]),
      ...(day.lines === 0
        ? []
        : [
            `${amount(day)} left out: the log of this day holds its ${Math.floor(this.#limits.dayBytes / 1024 / 1024)} MB (LOG_DAY_MB), and goes on tomorrow`,
          ]),
    ];
    return `${told.join('; ')}. Print less, or raise the limit.`;
  }
}

const amount = ({ lines, bytes }: LeftOut): string =>
  `${lines} ${lines === 1 ? 'line' : 'lines'} (${bytes} bytes)`;
