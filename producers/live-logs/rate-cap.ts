/** What a bot may print at once, in seconds of its rate. */
const BURST_SECONDS = 60;
/** Not more than one line about it in this time. */
const TELL_EVERY_MS = 5_000;

export type LeftOut = { bytes: number; lines: number };

/** Lets a bot's output through up to a rate, by the engine's times, and counts what it leaves out. */
export class RateCap {
  readonly #bytesPerSecond: number;
  #tokens: number;
  #atMs: number | undefined;
  #leftOut: LeftOut = { bytes: 0, lines: 0 };
  #toldAtMs = -Infinity;

  constructor(options: { bytesPerSecond: number }) {
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#tokens = options.bytesPerSecond * BURST_SECONDS;
  }

  /** Whether an entry of so many bytes may pass. */
  admit(bytes: number, atMs: number): boolean {
    // A clock that was set back earns nothing, and costs nothing; nor does what is only a little out of order earn.
    const lastMs = this.#atMs ?? atMs;
    const earned = ((atMs - lastMs) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#bytesPerSecond * BURST_SECONDS, this.#tokens + Math.max(0, earned));
    this.#atMs = atMs < lastMs - BURST_SECONDS * 1000 ? atMs : Math.max(lastMs, atMs);
    if (bytes <= this.#tokens) {
      this.#tokens -= bytes;
      return true;
    }
    this.#leftOut = { bytes: this.#leftOut.bytes + bytes, lines: this.#leftOut.lines + 1 };
    return false;
  }

  /** What is to be told by now; telling it resets the count. `atEnd`: whatever there is. */
  toTell(atMs: number, atEnd = false): LeftOut | undefined {
    if (this.#leftOut.lines === 0) return undefined;
    if (!atEnd && Math.abs(atMs - this.#toldAtMs) < TELL_EVERY_MS) return undefined;
    const told = this.#leftOut;
    this.#leftOut = { bytes: 0, lines: 0 };
    this.#toldAtMs = atMs;
    return told;
  }
}
