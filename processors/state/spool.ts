import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { StateTooLarge } from './errors.ts';

/** Content that lies in a spool. */
export type Spooled = { offset: number; bytes: number; sha256: string };

const CHUNK = 256 * 1024;

/** A nameless file that takes contents one after another, so that memory does not grow with the state. */
export class Spool {
  readonly #file: FileHandle;
  readonly #maxBytes: number;
  #end = 0;

  constructor(file: FileHandle, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  /** What a source gives until it ends. Throws `StateTooLarge`. */
  async add(source: AsyncIterable<Buffer>): Promise<Spooled> {
    const offset = this.#end;
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of source) {
      if (offset + bytes + chunk.length > this.#maxBytes)
        throw new StateTooLarge(`holds more than ${this.#maxBytes} bytes`);
      hash.update(chunk);
      await writeAll(this.#file, chunk, offset + bytes);
      bytes += chunk.length;
    }
    this.#end = offset + bytes;
    return { offset, bytes, sha256: hash.digest('hex') };
  }

  get end(): number {
    return this.#end;
  }

  /** Gives up what was added since `end` was this. */
  rewind(end: number): void {
    this.#end = end;
  }

  async *read({ offset, bytes }: Spooled): AsyncGenerator<Buffer> {
    yield* readRange(this.#file, offset, offset + bytes);
  }
}

/** Part of a file, in pieces. Ends early where the file does. */
export async function* readRange(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to;) {
    const { bytesRead, buffer } = await file.read(
      Buffer.allocUnsafe(Math.min(CHUNK, to - at)),
      0,
      Math.min(CHUNK, to - at),
      at,
    );
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
