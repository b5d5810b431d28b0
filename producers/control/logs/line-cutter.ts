/** A line without end is told as it is, once it is so long. */
const LONGEST_LINE = 256 * 1024;

/** Cuts chunks of text, which may end anywhere, into lines. */
export class LineCutter {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** The lines that end in this chunk; empty ones are left out. */
  take(chunk: Uint8Array): string[] {
    const pieces = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = pieces.pop() ?? '';
    const lines = pieces.filter((piece) => piece.trim() !== '');
    if (this.#rest.length > LONGEST_LINE) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    return lines;
  }
}
