import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Each folder on the way is held open; what lies deeper is brought up first. */
const DEEPEST = 64;
/** Entries between two breaths of the process. */
const AT_ONCE = 500;
const MOST_ROUNDS = 10_000;

/**
 * Empties a volume at its mount point. Its owner is hostile: as in `walkVolume`, everything is reached through folders that
 * are held open, so that no exchanged path leads out of the volume, and nothing is too deep. Linux only.
 */
export async function emptyVolumeAt(root: string, signal?: AbortSignal): Promise<void> {
  const top = openSync(root, DIRECTORY);
  try {
    for (let round = 0; namesIn(top).length > 0; round += 1) {
      if (round === MOST_ROUNDS) throw new Error('The volume is written to while it is emptied');
      await emptyFolder(top, { top, depth: 0, count: 0, signal });
    }
  } finally {
    closeSync(top);
  }
}

type Emptying = { top: number; depth: number; count: number; signal: AbortSignal | undefined };

async function emptyFolder(folder: number, emptying: Emptying): Promise<void> {
  for (const name of namesIn(folder)) {
    emptying.count += 1;
    if (emptying.count % AT_ONCE === 0) await breathe();
    emptying.signal?.throwIfAborted();
    const at = within(folder, name);
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isDirectory()) tolerating(['ENOENT', 'EISDIR'], () => unlinkSync(at));
    else if (emptying.depth >= DEEPEST) {
      const above = within(emptying.top, Buffer.from(`.the0-${randomBytes(12).toString('hex')}`));
      tolerating(['ENOENT'], () => renameSync(at, above));
    } else {
      const child = tolerating(['ENOENT', 'ENOTDIR', 'ELOOP'], () => openSync(at, DIRECTORY));
      if (child === undefined) continue;
      try {
        emptying.depth += 1;
        await emptyFolder(child, emptying);
      } finally {
        emptying.depth -= 1;
        closeSync(child);
      }
      // What came meanwhile, the next round takes.
      tolerating(['ENOENT', 'ENOTDIR', 'ENOTEMPTY'], () => rmdirSync(at));
    }
  }
}

const namesIn = (folder: number): Buffer[] => readdirSync(`/proc/self/fd/${folder}`, { encoding: 'buffer' });

const within = (folder: number, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name]);

function tolerating<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
