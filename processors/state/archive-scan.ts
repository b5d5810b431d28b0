import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { BadState, StateTooLarge } from './errors.ts';
import { gunzipped } from './gzip.ts';
import { fileMode, folderMode, problemLine, type StateEntry } from './manifest.ts';
import { readTar, type TarEntry } from './tar-reader.ts';

/** An archive in a local file. */
export type LocalArchive = { file: FileHandle; bytes: number };

/** What an archive holds, once all of it was read and found sound. */
export type ArchiveScan = {
  /** Files and folders as they are put on a volume, folders that no entry names included; sorted, parents first. */
  entries: StateEntry[];
  /** Of each file, which entry of the tar is meant: the last of several with one name. */
  places: ReadonlyMap<string, number>;
  /** Of all files. */
  bytes: number;
  /** What is left out, and why. */
  problems: string[];
};

/** Headers and padding beside the files themselves. */
const OVERHEAD_PER_ENTRY = 8 * 1024;
const LONGEST_PART_BYTES = 255;
const LONGEST_PATH_BYTES = 4000;
/** As deep as a volume is walked. */
const MOST_PARTS = 64;
const MADE_FOLDER_MODE = 0o750;

export type ScanLimits = { maxBytes: number; maxFiles: number };

/** Of what is unpacked in all. */
export const unpackedLimit = ({ maxBytes, maxFiles }: ScanLimits): number =>
  maxBytes + (maxFiles + 16) * OVERHEAD_PER_ENTRY;

/**
 * Reads an archive to its end, without unpacking it anywhere. Links, devices and names that lead outside are left out, as
 * the platform's own runtime does, and named. Throws `BadState`, `StateTooLarge`.
 */
export async function scanArchive(archive: LocalArchive, limits: ScanLimits): Promise<ArchiveScan> {
  const files = new Map<string, { entry: StateEntry; place: number }>();
  const folders = new Map<string, StateEntry>();
  const problems: string[] = [];
  let place = -1;
  let bytes = 0;
  for await (const found of readTar(gunzipped(archive.file, archive.bytes, unpackedLimit(limits)))) {
    place += 1;
    if (place > limits.maxFiles * 2) throw new StateTooLarge(`has more than ${place} entries`);
    const path = cleanPath(found.name);
    if (typeof path !== 'string') problems.push(problemLine(found.name, path.refused));
    else if (found.kind === '5' || (found.kind === '0' && found.name.endsWith('/'))) {
      if (path !== '') folders.set(path, folderOf(path, found));
    } else if (found.kind !== '0' || path === '')
      problems.push(problemLine(found.name, 'it is no file and no folder'));
    else {
      bytes += found.bytes - (files.get(path)?.entry.bytes ?? 0);
      if (bytes > limits.maxBytes) throw new StateTooLarge(`holds more than ${limits.maxBytes} bytes`);
      files.set(path, { entry: await fileOf(path, found), place });
    }
    if (files.size + folders.size > limits.maxFiles)
      throw new StateTooLarge(`holds more than ${limits.maxFiles} files and folders`);
    if (problems.length > limits.maxFiles) throw new BadState('is full of what is no file');
  }
  const tree = asTree(files, folders, problems);
  return { ...tree, bytes: tree.entries.reduce((sum, entry) => sum + entry.bytes, 0), problems };
}

/** What can be one tree: a file stands in the way of whatever would lie below it. */
function asTree(
  files: Map<string, { entry: StateEntry; place: number }>,
  folders: Map<string, StateEntry>,
  problems: string[],
): Pick<ArchiveScan, 'entries' | 'places'> {
  const entries = new Map<string, StateEntry>();
  const places = new Map<string, number>();
  const parentsOf = (path: string): string[] =>
    path
      .split('/')
      .slice(0, -1)
      .map((_part, index, parts) => parts.slice(0, index + 1).join('/'));
  const fits = (path: string): boolean => {
    if (!parentsOf(path).some((parent) => files.has(parent))) return true;
    problems.push(problemLine(path, 'what should be its folder is a file'));
    return false;
  };
  const put = (entry: StateEntry): void => {
    for (const parent of parentsOf(entry.path))
      if (!entries.has(parent)) entries.set(parent, folders.get(parent) ?? madeFolder(parent));
    entries.set(entry.path, entry);
  };
  for (const folder of folders.values()) if (!files.has(folder.path) && fits(folder.path)) put(folder);
  for (const { entry, place } of files.values())
    if (fits(entry.path)) {
      put(entry);
      places.set(entry.path, place);
    }
  return { entries: [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), places };
}

/** Without `./` and doubled slashes, empty for the state itself; or why not. */
export function cleanPath(name: string): string | { refused: string } {
  if (name.startsWith('/')) return { refused: 'its path is absolute' };
  if (name.includes('\0')) return { refused: 'its name holds a NUL' };
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { refused: 'it leads outside with ".."' };
  const path = parts.join('/');
  if (
    parts.length > MOST_PARTS ||
    Buffer.byteLength(path) > LONGEST_PATH_BYTES ||
    parts.some((part) => Buffer.byteLength(part) > LONGEST_PART_BYTES)
  )
    return { refused: 'its path is too long' };
  return path;
}

const madeFolder = (path: string): StateEntry => ({
  path,
  directory: true,
  mode: MADE_FOLDER_MODE,
  bytes: 0,
  mtimeMs: 0,
  sha256: '',
});

const folderOf = (path: string, { mode, mtimeMs }: TarEntry): StateEntry => ({
  ...madeFolder(path),
  mode: folderMode(mode),
  mtimeMs,
});

async function fileOf(path: string, { mode, mtimeMs, bytes, body }: TarEntry): Promise<StateEntry> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return {
    path,
    directory: false,
    mode: fileMode(mode),
    bytes,
    mtimeMs,
    sha256: hash.digest('hex'),
  };
}
