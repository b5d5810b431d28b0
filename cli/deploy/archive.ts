import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromFd, type Entry, type ZipFile as ReadZip } from 'yauzl';
import { ZipFile } from 'yazl';
import { CliError } from '../errors.ts';
import type { SourceFile } from './source.ts';

export type Archive = { path: string; bytes: number; sha256: string };

/** One time for all entries: the same files make the same bytes, so an unchanged version is recognised. */
const ENTRY_TIME = new Date(Date.UTC(2000, 0, 1));

const REGULAR_FILE = 0o100000;

/** Writes a deflated ZIP without directory entries, as the platform’s own tool makes it; streaming. */
export async function writeArchive(files: readonly SourceFile[], path: string): Promise<Archive> {
  const zip = new ZipFile();
  const failed = new Promise<never>((_, reject) => zip.on('error', (error) => reject(error as Error)));
  for (const file of files)
    zip.addFile(file.absolute, file.path, {
      mtime: ENTRY_TIME,
      mode: REGULAR_FILE | file.mode,
      compress: true,
    });
  zip.end();
  const meter = new Meter();
  await Promise.race([pipeline(zip.outputStream, meter, createWriteStream(path, { mode: 0o600 })), failed]);
  return { path, bytes: meter.bytes, sha256: meter.digest() };
}

/** Size and hash of a ZIP that exists already. */
export async function measureArchive(path: string): Promise<Archive> {
  await using handle = await open(path);
  const meter = new Meter();
  meter.resume();
  await pipeline(handle.createReadStream({ autoClose: false }), meter);
  return { path, bytes: meter.bytes, sha256: meter.digest() };
}

class Meter extends Transform {
  readonly #hash = createHash('sha256');
  bytes = 0;
  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: null, chunk: Buffer) => void,
  ): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** What is in a ZIP: all its files' names, and the text of those asked for. */
export type ArchiveContent = { paths: string[]; texts: ReadonlyMap<string, string> };

const MAX_TEXT_BYTES = 1_048_576;

/** Lists a ZIP and reads some small files of it. The runtime checks it more closely before it unpacks it. */
export async function readArchive(path: string, wanted: (name: string) => boolean): Promise<ArchiveContent> {
  const handle = await open(path);
  try {
    return await readEntries(handle, wanted);
  } catch (error) {
    throw error instanceof CliError
      ? error
      : new CliError(`${path} is not a ZIP that can be read: ${(error as Error).message}`, 1, {
          cause: error,
        });
  } finally {
    await handle.close();
  }
}

async function readEntries(handle: FileHandle, wanted: (name: string) => boolean): Promise<ArchiveContent> {
  const zip = await new Promise<ReadZip>((resolve, reject) =>
    fromFd(handle.fd, { lazyEntries: true, autoClose: false }, (error, opened) =>
      error === null ? resolve(opened) : reject(error),
    ),
  );
  const paths: string[] = [];
  const texts = new Map<string, string>();
  const done = Promise.withResolvers<void>();
  zip.on('error', (error) => done.reject(error as Error));
  zip.on('end', () => done.resolve());
  zip.on('entry', (entry: Entry) => {
    if (!entry.fileName.endsWith('/')) paths.push(entry.fileName);
    if (!wanted(entry.fileName)) return void zip.readEntry();
    readText(zip, entry)
      .then((text) => {
        texts.set(entry.fileName, text);
        zip.readEntry();
      })
      .catch((error: unknown) => done.reject(error as Error));
  });
  zip.readEntry();
  await done.promise;
  return { paths, texts };
}

async function readText(zip: ReadZip, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > MAX_TEXT_BYTES)
    throw new CliError(
      `${entry.fileName} in the ZIP has ${entry.uncompressedSize} bytes: at most 1 MB is read`,
    );
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) =>
    zip.openReadStream(entry, (error, opened) => (error === null ? resolve(opened) : reject(error))),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
