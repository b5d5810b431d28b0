import { BadArchive, quoteName } from './bad-archive.ts';
import { cleanName, collisionKey } from './entry-name.ts';

/** What ends up in the volume, folders included. */
export type ManifestEntry = { path: string; directory: boolean; executable: boolean };

/** The manifest is kept in one MongoDB document (at most 16 MB): this is what its names may take, and per entry beside. */
const MANIFEST_BYTES = 12 * 1024 * 1024;
const MANIFEST_BYTES_PER_ENTRY = 64;

/**
 * The files and folders of an archive, put together entry by entry. Refuses what cannot be one tree: the same name
 * twice, names that differ only by case, a file where a folder is needed. Folders that no entry names are made.
 */
export class Tree {
  readonly #nodes = new Map<string, ManifestEntry & { named: boolean }>();
  readonly #maxEntries: number;
  #manifestBytes = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** `name` as the archive has it. Returns the path, or undefined for the code folder itself (`./`). */
  add(name: string, kind: { directory: boolean; executable: boolean }): string | undefined {
    const parts = cleanName(name);
    let path = '';
    for (const [index, part] of parts.entries()) {
      path = index === 0 ? part : `${path}/${part}`;
      const last = index === parts.length - 1;
      const wanted = last
        ? { path, ...kind, named: true }
        : { path, directory: true, executable: false, named: false };
      this.#put(wanted, name);
    }
    return path === '' ? undefined : path;
  }

  /** Sorted by path, so that a folder comes before what it holds. */
  manifest(): ManifestEntry[] {
    return [...this.#nodes.values()]
      .map(({ path, directory, executable }) => ({ path, directory, executable }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #put(wanted: ManifestEntry & { named: boolean }, entry: string): void {
    const key = collisionKey(wanted.path);
    const held = this.#nodes.get(key);
    if (held === undefined) {
      this.#count(wanted.path);
      this.#nodes.set(key, wanted);
      return;
    }
    if (held.path !== wanted.path)
      throw new BadArchive(
        'case_conflict',
        `differs from ${quoteName(held.path)} only by case or Unicode form`,
        { entry },
      );
    if (held.directory !== wanted.directory)
      throw new BadArchive('path_conflict', `makes ${quoteName(held.path)} a file and also a folder`, {
        entry,
      });
    if (held.named && wanted.named) throw new BadArchive('duplicate', 'comes twice', { entry });
    held.named ||= wanted.named;
  }

  #count(path: string): void {
    if (this.#nodes.size >= this.#maxEntries)
      throw new BadArchive('too_many_entries', `holds more than ${this.#maxEntries} files and folders`);
    this.#manifestBytes += Buffer.byteLength(path) + MANIFEST_BYTES_PER_ENTRY;
    if (this.#manifestBytes > MANIFEST_BYTES)
      throw new BadArchive(
        'names_too_large',
        `has names of more than ${MANIFEST_BYTES / 1024 / 1024} MB in all`,
      );
  }
}
