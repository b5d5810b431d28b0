import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import type { Archive, PlannedFile } from './archive.ts';
import { entryData, isSmall } from './zip/entry-data.ts';
import { readAhead, type Source } from './zip/source.ts';

/** One time for all, so that the same archive gives the same volume: the oldest that every tool can show. */
const MTIME = new Date('1980-01-01T00:00:00Z');
const OWNED_BY_ROOT = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: MTIME } as const;

type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

export type TarOptions = {
  /** Paths that are made executable, whatever the archive says (the entry points of compiled runtimes). */
  executablePaths: readonly string[];
  signal?: AbortSignal;
};

/**
 * Second pass: the archive as a tar of plain folders (0755) and files (0644 or 0755), owned by root. Nothing else can
 * come out of it: no link, no device, no set-uid bit. Memory stays bounded whatever the archive holds. If an entry's
 * data is not what the directory says, the stream is destroyed with `BadArchive` and never ends well.
 */
export function tarOf(archive: Archive, source: Source, options: TarOptions): Readable {
  const tar = pack();
  const out = Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false, highWaterMark: 64 * 1024 });
  // Whoever reads may go away before the first byte: then the writing side would wait for ever.
  out.once('close', () => tar.destroy());
  fill(tar, archive, readAhead(source), options).catch((error: unknown) => out.destroy(error as Error));
  return out;
}

async function fill(tar: Pack, archive: Archive, source: Source, options: TarOptions): Promise<void> {
  const executable = new Set(options.executablePaths);
  for (const { path, directory } of archive.manifest) {
    if (directory) await add(tar, { ...OWNED_BY_ROOT, name: `${path}/`, type: 'directory', mode: 0o755 });
  }
  for (const file of archive.files) {
    options.signal?.throwIfAborted();
    const mode = file.executable || executable.has(file.path) ? 0o755 : 0o644;
    const header: EntryHeader = {
      ...OWNED_BY_ROOT,
      name: file.path,
      type: 'file',
      mode,
      size: file.entry.bytes,
    };
    await addFile(tar, header, file, source, options.signal);
  }
  tar.finalize();
}

async function addFile(
  tar: Pack,
  header: EntryHeader,
  file: PlannedFile,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<void> {
  const data = entryData(source, file.entry, file.limit, signal);
  if (!isSmall(file.entry)) {
    await pipeline(data, tar.entry(header));
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of data) chunks.push(chunk);
  await add(tar, header, Buffer.concat(chunks));
}

function add(tar: Pack, header: EntryHeader, body?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (body === undefined) tar.entry(header, done);
    else tar.entry(header, body, done);
  });
}
