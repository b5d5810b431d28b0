import { createHash } from 'node:crypto';
import type { LogLine } from '../../infra/engine/port.ts';
import { LOG_STREAMS, type LogStream, type Mark } from '../../model/log-cursor.ts';

/** An entry's place in a container's output. Its hash is made only where it is asked for. */
export type Place = { entry: LogLine; nth: number };

export const markOf = ({ entry, nth }: Place): Mark => ({
  stream: entry.stream,
  time: entry.time,
  nth,
  hash: hashOf(entry.data),
});

const hashOf = (data: Buffer): string => createHash('sha256').update(data).digest('hex').slice(0, 8);

/** Finds in a container's output, as the engine tells it, what comes after given entries. */
export class Seeker {
  /** Streams of which each entry is new from here on. */
  readonly #reached: Record<LogStream, boolean>;
  readonly #after: Readonly<Record<LogStream, Mark | null>>;
  readonly #runs: Partial<Record<LogStream, { time: string; length: number; certain: boolean }>> = {};
  readonly #whole: boolean;

  /** `whole`: what is told begins where the engine's files begin, so the first entry of a time is the first of all. */
  constructor(after: Readonly<Record<LogStream, Mark | null>>, whole: boolean) {
    this.#after = after;
    this.#whole = whole;
    this.#reached = { stdout: after.stdout === null, stderr: after.stderr === null };
  }

  /** Each entry in order: its place, and whether it is new. */
  next(entry: LogLine): { place: Place; fresh: boolean } {
    const before = this.#runs[entry.stream];
    const run =
      before?.time === entry.time
        ? { ...before, length: before.length + 1 }
        : { time: entry.time, length: 1, certain: this.#whole || before !== undefined };
    this.#runs[entry.stream] = run;
    const place = { entry, nth: run.length };
    const fresh = this.#reached[entry.stream];
    if (run.certain)
      for (const stream of LOG_STREAMS)
        if (!this.#reached[stream] && isAt(place, this.#after[stream])) this.#reached[stream] = true;
    return { place, fresh };
  }

  reached(stream: LogStream): boolean {
    return this.#reached[stream];
  }

  /** Streams whose place has not been met. */
  missing(): LogStream[] {
    return LOG_STREAMS.filter((stream) => !this.#reached[stream]);
  }
}

const isAt = ({ entry, nth }: Place, mark: Mark | null): boolean =>
  mark !== null &&
  entry.time === mark.time &&
  nth === mark.nth &&
  entry.stream === mark.stream &&
  hashOf(entry.data) === mark.hash;
