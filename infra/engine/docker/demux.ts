const HEADER_BYTES = 8;
/** What the engine says of its own, such as that its log file is damaged; nothing comes after it. */
const SYSTEM_ERROR = 3;

/** One entry of the engine's, with its time before it where that was asked for. */
export type Frame = { stream: 'stdout' | 'stderr'; data: Buffer };

/**
 * Splits Docker's multiplexed output: frames of a header (byte 0: 1 stdout, 2 stderr; bytes 4 to 7: length, big
 * endian) and the data. Feed it chunks as they come; a frame that is not complete yet is kept for the next one.
 * Each frame is one line with its end, or up to 16 KiB of a longer one.
 */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = HEADER_BYTES;

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    // Joined only once the frame is complete: joining at every chunk would be quadratic in the frame's length.
    if (this.#held < this.#needed) return [];
    const buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const lines: Frame[] = [];
    let at = 0;
    for (;;) {
      this.#needed = HEADER_BYTES;
      if (buffer.length - at < HEADER_BYTES) break;
      const kind = buffer[at] as number;
      if (kind > SYSTEM_ERROR || buffer[at + 1] !== 0 || buffer[at + 2] !== 0 || buffer[at + 3] !== 0)
        throw new Error(
          `Not a frame of container output: it begins with ${buffer.subarray(at, at + 4).toString('hex')}`,
        );
      const length = buffer.readUInt32BE(at + 4);
      this.#needed = HEADER_BYTES + length;
      if (buffer.length - at < this.#needed) break;
      const data = buffer.subarray(at + HEADER_BYTES, at + this.#needed);
      if (kind === SYSTEM_ERROR)
        throw new Error(`The engine cannot go on with the output: ${data.toString().trim()}`);
      lines.push({ stream: kind === 2 ? 'stderr' : 'stdout', data });
      at += this.#needed;
    }
    const rest = buffer.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return lines;
  }

  /** Bytes of a frame that is not complete. */
  get pending(): number {
    return this.#held;
  }
}
