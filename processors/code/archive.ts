import { BadArchive } from './bad-archive.ts';
import { namesFolder } from './entry-name.ts';
import { Tree, type ManifestEntry } from './tree.ts';
import { readDirectory, type ZipEntry } from './zip/central-directory.ts';
import { locateDirectory } from './zip/end-record.ts';
import { readAhead, type Source } from './zip/source.ts';

export type ArchiveLimits = {
  /** All files together, once unpacked. */
  maxBytes: number;
  /** Files and folders. */
  maxEntries: number;
  /** Unpacked ÷ compressed, of entries of 1 MB and more. */
  maxRatio: number;
};

/** A file of the archive, and where its data has to end. */
export type PlannedFile = { path: string; entry: ZipEntry; limit: number; executable: boolean };

/** An archive whose directory has been checked. What it says of its data is checked as the data streams. */
export type Archive = {
  manifest: ManifestEntry[];
  /** In the order of their data, so that reading never jumps back. */
  files: PlannedFile[];
  totals: { entries: number; bytes: number };
};

const RATIO_MATTERS_FROM_BYTES = 1024 * 1024;

/** First pass: reads the directory alone. Throws `BadArchive` for whatever can be seen from there. */
export async function inspectArchive(source: Source, limits: ArchiveLimits): Promise<Archive> {
  const location = await locateDirectory(source);
  if (location.entryCount > limits.maxEntries)
    throw new BadArchive(
      'too_many_entries',
      `holds ${location.entryCount} files and folders; ${limits.maxEntries} are allowed`,
    );
  const tree = new Tree(limits.maxEntries);
  const files: PlannedFile[] = [];
  const occupied: ZipEntry[] = [];
  let bytes = 0;
  for await (const entry of readDirectory(readAhead(source), location)) {
    const directory = assertAcceptable(entry, limits);
    const executable = !directory && (entry.unixMode & 0o111) !== 0;
    const path = tree.add(entry.name, { directory, executable });
    bytes += entry.bytes;
    if (bytes > limits.maxBytes)
      throw new BadArchive('too_many_bytes', `unpacks to more than ${megabytes(limits.maxBytes)} MB`, {
        entry: entry.name,
      });
    occupied.push(entry);
    if (!directory && path !== undefined) files.push({ path, entry, limit: location.start, executable });
  }
  if (files.length === 0) throw new BadArchive('no_files', 'holds no file');
  const ends = assertApart(occupied, location.start);
  for (const file of files) file.limit = ends.get(file.entry) ?? location.start;
  files.sort((a, b) => a.entry.offset - b.entry.offset);
  const manifest = tree.manifest();
  return { manifest, files, totals: { entries: manifest.length, bytes } };
}

/** Whether it is a folder; throws for what has no place in a code archive. */
function assertAcceptable(entry: ZipEntry, limits: ArchiveLimits): boolean {
  const refuse = (code: BadArchive['code'], detail: string): BadArchive =>
    new BadArchive(code, detail, { entry: entry.name });
  // Bit 0: encrypted, 6: strongly, 13: header hidden; method 99: AES.
  if ((entry.flags & 0x2041) !== 0 || entry.method === 99) throw refuse('encrypted', 'is encrypted');
  if (entry.method !== 0 && entry.method !== 8)
    throw refuse(
      'unsupported_compression',
      `is compressed with ${METHODS[entry.method] ?? `method ${entry.method}`}`,
    );
  const directory = isDirectory(entry);
  if (directory && entry.bytes > 0)
    throw refuse('directory_with_data', `is a folder with ${entry.bytes} bytes of data`);
  if (entry.bytes >= RATIO_MATTERS_FROM_BYTES && entry.bytes > entry.compressedBytes * limits.maxRatio)
    throw refuse(
      'ratio',
      `grows from ${entry.compressedBytes} to ${entry.bytes} bytes; ${limits.maxRatio}-fold is allowed`,
    );
  return directory;
}

const METHODS: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'XZ',
  98: 'PPMd',
};

const MODE_TYPE = 0o170000;

function isDirectory(entry: ZipEntry): boolean {
  if (entry.linkTarget) throw new BadArchive('link', 'is a link', { entry: entry.name });
  switch (entry.unixMode & MODE_TYPE) {
    case 0o120000:
      throw new BadArchive('link', 'is a symbolic link', { entry: entry.name });
    case 0o010000:
    case 0o020000:
    case 0o060000:
    case 0o140000:
      throw new BadArchive('special_file', 'is a device, pipe or socket', { entry: entry.name });
    case 0o040000:
      return true;
    default:
      return namesFolder(entry.name);
  }
}

/**
 * A bomb can let thousands of entries share one stretch of data: here each has bytes of its own, or all is refused.
 * Returns where the room of each entry ends.
 */
function assertApart(entries: ZipEntry[], directoryStart: number): Map<ZipEntry, number> {
  entries.sort((a, b) => a.offset - b.offset);
  const ends = new Map<ZipEntry, number>();
  for (const [index, entry] of entries.entries()) {
    const end = entries[index + 1]?.offset ?? directoryStart;
    if (entry.offset + 30 + entry.rawName.length + entry.compressedBytes > end)
      throw new BadArchive('overlap', 'shares its data with another entry or with the directory', {
        entry: entry.name,
      });
    ends.set(entry, end);
  }
  return ends;
}

const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);
