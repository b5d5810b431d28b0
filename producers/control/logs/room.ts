import { Exhausted } from '../errors.ts';
import { WaitingReaders } from '../waiting-readers.ts';
import { LineCutter } from './line-cutter.ts';
import { likeOf, LiveLines, overlapOf, storedOf, type LiveLine } from './live-lines.ts';
import { EARLIEST, type StoredPlace } from './place.ts';
import type { StoredLog } from './stored-log.ts';

/** Lines that go to readers together: the same object for all who are at the same place, so that it is encoded once. */
export type Batch = { lines: readonly LiveLine[]; next: number };

export type RoomOptions = {
  log: StoredLog;
  /** Has what was printed by now saved. Resolves with why that may not be so, or with nothing. */
  save: (signal: AbortSignal) => Promise<string | undefined>;
  /** How long lines gather once some were given: many readers cost by what they are given at once. */
  gatherMs?: number;
  bounds?: { lines: number; bytes: number };
};

const GATHER_MS = 200;
/** Enough for a reader to be some seconds late. */
const BOUNDS = { lines: 5_000, bytes: 4 * 1024 * 1024 };
/** So many live lines since the anchor are worth another one. */
const ANCHOR_LINES = 1_000;
/** What is stored since the anchor is not compared where it is more than this. */
const MOST_STORED = 50_000;
const TIE_AGAIN_MS = 5_000;
const TAIL_LINES = 200;
const BATCH_BYTES = 256 * 1024;

/**
 * One log that is followed, for all who follow it: one subscription, one copy of what came last, one encoding. Nobody is
 * waited for: a reader takes what there is when he is ready, and one who is so late that it is gone is told so.
 */
export class LogRoom {
  readonly #options: Required<RoomOptions>;
  readonly #lines: LiveLines;
  readonly #cutter = new LineCutter();
  readonly #end = new AbortController();
  readonly #waiting = new WaitingReaders();
  /** Up to here lines may be given. */
  #given = 0;
  #givenMs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #batches = new Map<number, Batch>();
  #tying: Promise<void> | undefined;
  #settling: Promise<void> | undefined;
  #tryAgainMs = 0;

  constructor(options: RoomOptions) {
    this.#options = { gatherMs: GATHER_MS, bounds: BOUNDS, ...options };
    this.#lines = new LiveLines(this.#options.bounds);
  }

  /** Where what is stored ends and live lines begin; undefined: that is not known, as S3 is away. */
  get anchor(): { place: StoredPlace; from: number } | undefined {
    return this.#lines.anchor;
  }

  get end(): number {
    return this.#lines.end;
  }

  /**
   * Ties what comes live to what is stored. To be called once somebody listens, so that nothing lies in between. Resolves
   * with what may be missing between the two, and why; empty: nothing is.
   */
  async open(): Promise<string> {
    const problem = await this.#options.save(this.#end.signal);
    await this.tie();
    return problem === undefined ? '' : `The newest lines may be missing here: ${problem}`;
  }

  /** Saves once more, and ties anew; for all who ask meanwhile. Never rejects. */
  settle(): Promise<void> {
    this.#settling ??= this.#options
      .save(this.#end.signal)
      .catch(() => undefined)
      .then(() => this.tie())
      .finally(() => (this.#settling = undefined));
    return this.#settling;
  }

  /** What the subscription heard. */
  heard(chunk: Uint8Array): void {
    for (const line of this.#cutter.take(chunk)) this.#lines.add(line);
    if (this.#lines.end === this.#given || this.#timer !== undefined) return;
    const waitMs = Math.max(0, this.#givenMs + this.#options.gatherMs - performance.now());
    this.#timer = setTimeout(() => this.#give(), waitMs);
    this.#timer.unref();
  }

  /**
   * The lines from a number on, once there are some; undefined if there are none for a while.
   * @throws Exhausted where they are not kept any more; the reason of the room's end
   */
  async next(from: number, signal: AbortSignal, withinMs: number): Promise<Batch | undefined> {
    if (from >= this.#given && !this.#end.signal.aborted) await this.#waiting.wait(signal, withinMs);
    signal.throwIfAborted();
    this.#end.signal.throwIfAborted();
    if (from < this.#lines.first) throw tooSlow();
    return from >= this.#given ? undefined : this.#batch(from);
  }

  /** Live lines that are kept, from a number on, and the number of the first. */
  linesFrom(from: number): { lines: LiveLine[]; first: number } {
    return { lines: this.#lines.slice(from), first: Math.max(from, this.#lines.first) };
  }

  /** Whether all lines from this number on are kept. */
  keeps(from: number): boolean {
    return from >= this.#lines.first;
  }

  /** Ends all who follow. */
  close(reason: Error): void {
    clearTimeout(this.#timer);
    this.#end.abort(reason);
    this.#waiting.wake();
  }

  #give(): void {
    this.#timer = undefined;
    this.#given = this.#lines.end;
    this.#givenMs = performance.now();
    this.#batches.clear();
    this.#waiting.wake();
    const { anchor } = this.#lines;
    if (performance.now() < this.#tryAgainMs) return;
    // Without an anchor what is stored has to come up to what is kept here first.
    if (anchor === undefined) void this.settle();
    else if (this.#lines.end - anchor.from > ANCHOR_LINES) void this.tie();
  }

  #batch(from: number): Batch {
    const known = this.#batches.get(from);
    if (known !== undefined) return known;
    const lines: LiveLine[] = [];
    let bytes = 0;
    for (const line of this.#lines.slice(from, this.#given)) {
      bytes += line.text.length;
      if (lines.length > 0 && bytes > BATCH_BYTES) break;
      lines.push(line);
    }
    const batch = { lines, next: from + lines.length };
    this.#batches.set(from, batch);
    return batch;
  }

  /** Ties anew, by what is stored now. Never rejects: while S3 is away nothing changes, and live lines go on. */
  tie(): Promise<void> {
    this.#tying ??= this.#tieAnew()
      .catch(() => undefined)
      .finally(() => {
        this.#tryAgainMs = performance.now() + TIE_AGAIN_MS;
        this.#tying = undefined;
      });
    return this.#tying;
  }

  async #tieAnew(): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#end;
    const before = this.#lines.anchor;
    const end = (await log.end(signal)) ?? EARLIEST;
    if (before === undefined) {
      const tail: string[] = [];
      for await (const { text } of log.backwards(end, signal)) {
        tail.unshift(likeOf(text));
        if (tail.length >= TAIL_LINES) break;
      }
      const live = this.#lines.slice(this.#lines.first).map(({ like }) => like);
      const overlap = overlapOf(tail, live);
      // Of the first lines some may be gone that are not stored yet: only one that is in both shows where the two meet.
      if (overlap > 0 || this.#lines.first === 0) this.#lines.tie(end, this.#lines.first + overlap);
      return;
    }
    const stored: string[] = [];
    for await (const { text } of log.forwards(before.place, signal, end)) {
      stored.push(likeOf(text));
      if (stored.length > MOST_STORED) return this.#lines.untie();
    }
    // Meanwhile some may have come, and some may have gone.
    if (this.#lines.anchor?.place !== before.place) return;
    const live = this.#lines.slice(before.from).map(({ like }) => like);
    this.#lines.tie(end, before.from + storedOf(stored, live));
  }
}

const tooSlow = (): Exhausted =>
  new Exhausted(
    'reader_too_slow',
    '',
    'More was printed than is kept for a reader who is so late',
    'go on after the last position that you have; nothing is lost',
  );
