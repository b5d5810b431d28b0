import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BadState, StateTooLarge } from './errors.ts';
import { readRange } from './spool.ts';

const CHUNK = 256 * 1024;

/** A gzip file unpacked, in pieces; refuses what is damaged, cut off, or unpacks to more than `maxBytes`. */
export async function* gunzipped(file: FileHandle, bytes: number, maxBytes: number): AsyncGenerator<Buffer> {
  const packed = Readable.from(readRange(file, 0, bytes));
  const gunzip = createGunzip({ chunkSize: CHUNK });
  packed.on('error', (error) => gunzip.destroy(error));
  packed.pipe(gunzip);
  let total = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes) throw new StateTooLarge(`unpacks to more than ${maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    throw zlibFailure(error);
  } finally {
    packed.destroy();
    gunzip.destroy();
  }
}

function zlibFailure(error: unknown): unknown {
  switch ((error as { code?: unknown }).code) {
    case 'Z_BUF_ERROR':
      return new BadState('is cut off', { cause: error });
    case 'Z_DATA_ERROR':
      return new BadState('is no gzip, or is damaged', { cause: error });
    default:
      return error;
  }
}
