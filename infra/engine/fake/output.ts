import { logTimeOfMs } from '../log-time.ts';
import type { LogLine } from '../port.ts';

type Stream = LogLine['stream'];

/** As Docker cuts what has no newline for so long. */
const LONGEST_ENTRY = 16 * 1024;
const DEFAULT_KEPT_BYTES = 30_000_000;
/** What an entry costs beyond its text. */
const ENTRY_BYTES = 80;
const NEWLINE = 10;

/** What the engine keeps of a container's output, as Docker does: entries with a time, in bounded space. */
export class FakeOutput {
  readonly #keptBytes: number;
  readonly #unended: Record<Stream, Buffer[]> = { stdout: [], stderr: [] };
  #entries: LogLine[] = [];
  /** Entries that went to make room, which is where the numbering of the rest begins. */
  #gone = 0;
  #bytes = 0;
  #lastMs = -1;
  #nanos = 0;

  constructor(keptBytes = DEFAULT_KEPT_BYTES) {
    this.#keptBytes = keptBytes;
  }

  /** Whole lines become entries; the rest waits for its newline, for more of it, or for the end. */
  add(stream: Stream, text: string, nowMs: number): void {
    const unended = this.#unended[stream];
    const all = Buffer.concat([...unended, Buffer.from(text)]);
    let at = 0;
    let time: string | undefined;
    while (at < all.length) {
      const newline = all.indexOf(NEWLINE, at);
      const end = newline < 0 ? all.length : newline + 1;
      const cut = Math.min(end, at + LONGEST_ENTRY);
      if (newline < 0 && cut - at < LONGEST_ENTRY) break;
      // All parts of one line have the time of its first, as with Docker.
      time ??= this.#time(nowMs);
      this.#push({ stream, time, data: all.subarray(at, cut) });
      if (cut === end) time = undefined;
      at = cut;
    }
    this.#unended[stream] = at < all.length ? [all.subarray(at)] : [];
  }

  /** The program has ended: what it had not ended with a newline is told as it is. */
  end(nowMs: number): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const data = Buffer.concat(this.#unended[stream]);
      if (data.length > 0) this.#push({ stream, time: this.#time(nowMs), data });
      this.#unended[stream] = [];
    }
  }

  /** Entries from a number on, with the number that comes after them. */
  from(number: number): { entries: LogLine[]; next: number } {
    return {
      entries: this.#entries.slice(Math.max(0, number - this.#gone)),
      next: this.#gone + this.#entries.length,
    };
  }

  #push(entry: LogLine): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length + ENTRY_BYTES;
    if (this.#bytes > this.#keptBytes) this.#makeRoom();
  }

  /** The oldest third goes at once, as a file does. */
  #makeRoom(): void {
    let going = 0;
    let bytes = 0;
    while (bytes < this.#keptBytes / 3 && going < this.#entries.length - 1)
      bytes += (this.#entries[going++]?.data.length ?? 0) + ENTRY_BYTES;
    this.#entries = this.#entries.slice(going);
    this.#gone += going;
    this.#bytes -= bytes;
  }

  /** No two alike while the clock stands still. */
  #time(nowMs: number): string {
    const ms = Math.floor(nowMs);
    this.#nanos = ms === this.#lastMs ? this.#nanos + 1 : 0;
    this.#lastMs = ms;
    return logTimeOfMs(ms, Math.min(this.#nanos, 999_999));
  }
}
