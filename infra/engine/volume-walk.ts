import { type BigIntStats, closeSync, constants, lstatSync, openSync, readdirSync } from 'node:fs';
import type { VolumeFile } from './port.ts';

/** One entry of a volume. `at` opens it, as long as the walk stands at it; it is the entry itself, never what a link names. */
export type WalkedFile = { path: string; at: string; stats: BigIntStats; type: VolumeFile['type'] };

export type Walked =
  | ({ kind: 'entry' } & WalkedFile)
  /** What is there and cannot be told: why, in words. */
  | { kind: 'skipped'; path: string; reason: string; cut: boolean };

const DEEPEST = 64;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Walks a volume at its mount point, folders before what they hold, names in order. Its owner is hostile and may change it
 * meanwhile: each folder is opened once without following links, and what it holds is reached through the open folder, so
 * that no exchanged path leads out of the volume. What vanishes on the way is left out. Linux only.
 */
export function* walkVolume(root: string): Generator<Walked, void, void> {
  yield* walkFolder(openSync(root, DIRECTORY), '', 0);
}

function* walkFolder(folder: number, prefix: string, depth: number): Generator<Walked, void, void> {
  try {
    const here = `/proc/self/fd/${folder}`;
    for (const raw of readdirSync(here, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b))) {
      const name = raw.toString();
      const path = `${prefix}${name}`;
      if (!Buffer.from(name).equals(raw)) {
        yield { kind: 'skipped', path, reason: 'its name is not valid UTF-8', cut: false };
        continue;
      }
      const at = `${here}/${name}`;
      const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) continue;
      yield { kind: 'entry', path, at, stats, type: typeOf(stats) };
      if (!stats.isDirectory()) continue;
      if (depth + 1 >= DEEPEST) {
        yield { kind: 'skipped', path, reason: `it lies ${DEEPEST} folders deep`, cut: true };
        continue;
      }
      const child = openFolder(at);
      if (typeof child === 'number') yield* walkFolder(child, `${path}/`, depth + 1);
      else if (child !== undefined) yield { kind: 'skipped', path, reason: child.reason, cut: false };
    }
  } finally {
    closeSync(folder);
  }
}

/** Undefined where it is gone or no folder any more. */
function openFolder(at: string): number | { reason: string } | undefined {
  try {
    return openSync(at, DIRECTORY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    if (isOfThisHost(error)) throw error;
    return { reason: `it cannot be opened (${code ?? 'unknown'})` };
  }
}

const HOST_FAILURES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']);

/** Says nothing of what was to be opened: whoever left that out would take it for gone. */
export const isOfThisHost = (error: unknown): boolean =>
  HOST_FAILURES.has((error as NodeJS.ErrnoException).code ?? '');

function typeOf(stats: BigIntStats): VolumeFile['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
