import type { FileHandle } from 'node:fs/promises';
import { BadArchive } from '../bad-archive.ts';

/** Bytes that can be read at any position. `read` returns exactly `length` bytes or throws `BadArchive` (`truncated`). */
export type Source = { readonly size: number; read(position: number, length: number): Promise<Buffer> };

export async function fileSource(file: FileHandle): Promise<Source> {
  const { size } = await file.stat();
  return {
    size,
    async read(position, length) {
      assertInside(position, length, size);
      const buffer = Buffer.allocUnsafe(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(buffer, done, length - done, position + done);
        if (bytesRead === 0) throw new BadArchive('truncated', 'ends before the data that it announces');
        done += bytesRead;
      }
      return buffer;
    },
  };
}

export function bufferSource(bytes: Buffer): Source {
  return {
    size: bytes.length,
    read(position, length) {
      assertInside(position, length, bytes.length);
      return Promise.resolve(bytes.subarray(position, position + length));
    },
  };
}

/** Reads ahead, so that many small reads in ascending order cost few large ones. Not for reads at the same time. */
export function readAhead(source: Source, windowBytes = 256 * 1024): Source {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return {
    size: source.size,
    async read(position, length) {
      assertInside(position, length, source.size);
      if (position < start || position + length > start + window.length) {
        if (length >= windowBytes) return source.read(position, length);
        window = await source.read(position, Math.min(windowBytes, source.size - position));
        start = position;
      }
      return window.subarray(position - start, position - start + length);
    },
  };
}

function assertInside(position: number, length: number, size: number): void {
  if (!Number.isSafeInteger(position) || position < 0 || length < 0 || position + length > size)
    throw new BadArchive('truncated', 'ends before the data that it announces');
}
