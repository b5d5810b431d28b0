import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import { unpackedLimit, type ArchiveScan, type LocalArchive, type ScanLimits } from './archive-scan.ts';
import { gunzipped } from './gzip.ts';
import type { StateEntry } from './manifest.ts';
import { writeAll, type Spool, type Spooled } from './spool.ts';
import { readTar } from './tar-reader.ts';

const BOT_UID = 1000;
const READY_MODE = 0o750;

/** A file or folder with its content at hand. */
export type Collected = StateEntry & { spooled?: Spooled };

/** Of the archive that was written. */
export type WrittenArchive = { bytes: number; sha256: string };

/** Writes an archive as the contract has it, folders first. The same entries give the same bytes. */
export async function writeArchiveFile(
  file: FileHandle,
  entries: readonly Collected[],
  spool: Spool,
): Promise<WrittenArchive> {
  const tar = pack();
  const packed = asReadable(tar);
  const gzip = packed.pipe(createGzip());
  packed.on('error', (error) => gzip.destroy(error));
  const filling = (async () => {
    for (const entry of [...entries].sort((a, b) => (a.path < b.path ? -1 : 1)))
      await addEntry(
        tar,
        headerOf(entry),
        entry.spooled === undefined ? undefined : spool.read(entry.spooled),
      );
    tar.finalize();
  })();
  filling.catch((error: unknown) => packed.destroy(error as Error));
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of gzip as AsyncIterable<Buffer>) {
    hash.update(chunk);
    await writeAll(file, chunk, bytes);
    bytes += chunk.length;
  }
  await filling;
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * A scanned archive as a tar for a volume that is mounted at the folder `state`: plain files and folders of the bot's user,
 * and the volume's own root and the SDK's folder with them, so that a volume that was just made is ready afterwards.
 */
export function restoringTar(
  scan: ArchiveScan,
  archive: LocalArchive | undefined,
  limits: ScanLimits,
): Readable {
  const tar = pack();
  const out = asReadable(tar);
  // Whoever reads may go away before the first byte: then the writing side would wait for ever.
  out.once('close', () => tar.destroy());
  fill(tar, scan, archive, limits).catch((error: unknown) => out.destroy(error as Error));
  return out;
}

async function fill(
  tar: Pack,
  scan: ArchiveScan,
  archive: LocalArchive | undefined,
  limits: ScanLimits,
): Promise<void> {
  const header = (entry: StateEntry): HeaderInput => ({
    ...headerOf(entry),
    name: `state/${headerOf(entry).name}`,
  });
  const root = { path: '', directory: true, mode: READY_MODE, bytes: 0, mtimeMs: 0, sha256: '' };
  await addEntry(tar, { ...headerOf(root), name: 'state/' });
  const folders = scan.entries.filter(({ directory }) => directory);
  for (const folder of folders) await addEntry(tar, header(folder));
  if (archive !== undefined) {
    const wanted = new Map<number, StateEntry>();
    for (const entry of scan.entries) {
      const place = scan.places.get(entry.path);
      if (place !== undefined) wanted.set(place, entry);
    }
    let place = -1;
    for await (const { body } of readTar(gunzipped(archive.file, archive.bytes, unpackedLimit(limits)))) {
      place += 1;
      const entry = wanted.get(place);
      if (entry !== undefined) await addEntry(tar, header(entry), body);
    }
  }
  tar.finalize();
}

type HeaderInput = Partial<Header> & Pick<Header, 'name'>;

function headerOf({ path, directory, mode, bytes, mtimeMs }: StateEntry): HeaderInput {
  return {
    name: directory ? `${path}/` : path,
    type: directory ? 'directory' : 'file',
    mode,
    uid: BOT_UID,
    gid: BOT_UID,
    mtime: new Date(mtimeMs),
    size: directory ? 0 : bytes,
  };
}

async function addEntry(tar: Pack, header: HeaderInput, body?: AsyncIterable<Buffer>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null): void => (error ? reject(error) : resolve());
  if (body === undefined || header.size === 0) {
    tar.entry(header, Buffer.alloc(0), done);
    return promise;
  }
  const sink = tar.entry(header, done);
  sink.on('error', reject);
  for await (const chunk of body) {
    if (!sink.write(chunk)) await Promise.race([drained(sink), promise]);
  }
  sink.end(undefined);
  return promise;
}

const drained = (sink: { once(event: 'drain', listener: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => void sink.once('drain', resolve));

const asReadable = (tar: Pack): Readable =>
  Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false, highWaterMark: 64 * 1024 });
