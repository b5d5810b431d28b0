import { Readable } from 'node:stream';
import { crc32, createInflateRaw, inflateRawSync, type InflateRaw } from 'node:zlib';
import { BadArchive } from '../bad-archive.ts';
import type { ZipEntry } from './central-directory.ts';
import type { Source } from './source.ts';

const SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
const DESCRIPTOR_FLAG = 0x8;
const CHUNK_BYTES = 64 * 1024;
/** Up to here an entry is unpacked in one step: about a millisecond, and far cheaper than a stream for each small file. */
const SMALL_BYTES = 256 * 1024;

/**
 * The unpacked bytes of a file, checked as they come: never more than the directory states, and at the end exactly as
 * many, with the stated checksum. `limit` is where the next entry or the directory begins. Throws `BadArchive`.
 */
export async function* entryData(
  source: Source,
  entry: ZipEntry,
  limit: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const start = await dataStart(source, entry);
  if (start + entry.compressedBytes > limit)
    throw new BadArchive('overlap', 'shares its data with another entry', { entry: entry.name });
  let sum = 0;
  let bytes = 0;
  for await (const chunk of unpacked(source, entry, start, signal)) {
    bytes += chunk.length;
    if (bytes > entry.bytes) throw sizeLie(entry, `more than ${entry.bytes}`);
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (bytes !== entry.bytes) throw sizeLie(entry, `${bytes}`);
  if (sum !== entry.crc32)
    throw new BadArchive('crc_mismatch', 'does not have the checksum that it states', { entry: entry.name });
}

/** True for an entry that `entryData` gives in one chunk. */
export const isSmall = (entry: ZipEntry): boolean =>
  entry.bytes <= SMALL_BYTES && entry.compressedBytes <= SMALL_BYTES;

/** Checks the local header against the directory's record, so that every tool sees in this archive what we see. */
async function dataStart(source: Source, entry: ZipEntry): Promise<number> {
  const header = await source.read(entry.offset, HEADER_BYTES);
  const mismatch = (what: string): BadArchive =>
    new BadArchive('header_mismatch', `has another ${what} in its own header than in the directory`, {
      entry: entry.name,
    });
  if (header.readUInt32LE(0) !== SIGNATURE)
    throw new BadArchive('malformed', 'is not where the directory says', { entry: entry.name });
  const flags = header.readUInt16LE(6);
  const nameBytes = header.readUInt16LE(26);
  const name = await source.read(entry.offset + HEADER_BYTES, nameBytes);
  if (!name.equals(entry.rawName)) throw mismatch('name');
  if (header.readUInt16LE(8) !== entry.method) throw mismatch('compression method');
  if (((flags ^ entry.flags) & 1) !== 0) throw mismatch('encryption flag');
  // With a descriptor behind the data, or ZIP64, the header's own figures are empty or elsewhere.
  if ((flags & DESCRIPTOR_FLAG) === 0) {
    if (header.readUInt32LE(14) !== entry.crc32) throw mismatch('checksum');
    for (const [at, stated] of [
      [18, entry.compressedBytes],
      [22, entry.bytes],
    ] as const) {
      const own = header.readUInt32LE(at);
      if (own !== 0xffffffff && own !== stated) throw mismatch('size');
    }
  }
  return entry.offset + HEADER_BYTES + nameBytes + header.readUInt16LE(28);
}

async function* unpacked(
  source: Source,
  entry: ZipEntry,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const stored = entry.method === 0;
  if (stored && entry.compressedBytes !== entry.bytes) throw sizeLie(entry, `${entry.compressedBytes}`);
  if (stored) yield* pieces(source, start, entry.compressedBytes, signal);
  else if (isSmall(entry)) yield inflateAtOnce(await source.read(start, entry.compressedBytes), entry);
  else yield* inflateStream(source, entry, start, signal);
}

async function* pieces(
  source: Source,
  start: number,
  bytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    yield await source.read(start + at, Math.min(CHUNK_BYTES, bytes - at));
  }
}

function inflateAtOnce(data: Buffer, entry: ZipEntry): Buffer {
  try {
    // With `info` the result carries the engine, which counts the input that was used; the types do not know it.
    const { buffer, engine } = inflateRawSync(data, {
      maxOutputLength: entry.bytes + 1,
      info: true,
    }) as unknown as {
      buffer: Buffer;
      engine: InflateRaw;
    };
    assertAllUsed(engine, entry);
    return buffer;
  } catch (error) {
    throw inflateError(error, entry);
  }
}

async function* inflateStream(
  source: Source,
  entry: ZipEntry,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const engine = createInflateRaw({ chunkSize: CHUNK_BYTES });
  const input = Readable.from(pieces(source, start, entry.compressedBytes, signal), { highWaterMark: 1 });
  input.on('error', (error) => engine.destroy(error));
  input.pipe(engine);
  try {
    for await (const chunk of engine as AsyncIterable<Buffer>) yield chunk;
    assertAllUsed(engine, entry);
  } catch (error) {
    throw inflateError(error, entry);
  } finally {
    input.destroy();
    engine.destroy();
  }
}

/** Bytes after the end of the compressed stream are room for something hidden: no tool leaves any. */
function assertAllUsed(engine: InflateRaw, entry: ZipEntry): void {
  if (engine.bytesWritten !== entry.compressedBytes)
    throw new BadArchive(
      'size_mismatch',
      `states ${entry.compressedBytes} compressed bytes and uses ${engine.bytesWritten}`,
      { entry: entry.name },
    );
}

function inflateError(error: unknown, entry: ZipEntry): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ERR_BUFFER_TOO_LARGE') return sizeLie(entry, `more than ${entry.bytes}`);
  if (code.startsWith('Z_'))
    return new BadArchive('corrupt_data', `cannot be unpacked (${(error as Error).message})`, {
      entry: entry.name,
      cause: error,
    });
  return error;
}

function sizeLie(entry: ZipEntry, actual: string): BadArchive {
  return new BadArchive('size_mismatch', `states ${entry.bytes} bytes and holds ${actual}`, {
    entry: entry.name,
  });
}
