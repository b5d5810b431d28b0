import { BadState } from './errors.ts';

/** A piece of a stream that is read, or left, in place. */
export type Range = AsyncIterable<Buffer> & {
  /** Passes over what was not read of it. */
  leave(): Promise<void>;
};

/** A stream of buffers, read in pieces of known length without joining them. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; undefined where not one is left. Throws `BadState` where fewer are. */
  async take(length: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.#next(missing);
      if (piece === undefined) {
        if (missing === length) return undefined;
        throw new BadState('is cut off');
      }
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  async skip(length: number): Promise<void> {
    await this.range(length).leave();
  }

  async skipRest(): Promise<void> {
    while ((await this.#next(Infinity)) !== undefined);
  }

  range(length: number): Range {
    let missing = length;
    const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
      if (missing === 0) return { done: true, value: undefined };
      const piece = await this.#next(missing);
      if (piece === undefined) throw new BadState('is cut off within a file');
      missing -= piece.length;
      return { done: false, value: piece };
    };
    return {
      [Symbol.asyncIterator]: () => ({ next }),
      leave: async () => {
        while ((await next()).done !== true);
      },
    };
  }

  /** At most so many bytes of what comes next. */
  async #next(atMost: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }
}
