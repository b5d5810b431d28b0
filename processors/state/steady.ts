import { constants, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { isOfThisHost } from '../../infra/engine/volume-walk.ts';
import { readRange, type Spool, type Spooled } from './spool.ts';

/** What came of reading one file. */
export type SteadyRead =
  | { kind: 'read'; spooled: Spooled; stats: BigIntStats }
  | { kind: 'gone' }
  /** It did not stand still. */
  | { kind: 'unsteady' }
  | { kind: 'refused'; reason: string };

/** A file written so recently may be in the middle of being written: its writer gets that much time to end. */
const SETTLED_MS = 50;
/** Many programs empty a file before they write it, and may be kept from the processor in between. */
const EMPTY_SETTLED_MS = 1_000;

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export type SteadyOptions = {
  maxBytes: number;
  /** The last of several tries takes what is steady, however fresh. */
  last: boolean;
  nowMs?: () => number;
};

/**
 * Reads a file that its owner may be writing: what is read is what the file held at one moment. Facts are looked at before
 * and after on the open file; where they differ, or it was written just now, it is to be tried again a little later.
 */
export async function readSteadily(at: string, spool: Spool, options: SteadyOptions): Promise<SteadyRead> {
  let file: FileHandle;
  try {
    // Opening must not wait for the other end of a fifo, nor follow a link that took the file's place.
    file = await open(at, FLAGS);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return { kind: 'gone' };
    // Its owner has taken a lease on it, which the engine's kernel ends after a while.
    if (code === 'EAGAIN') return { kind: 'unsteady' };
    if (isOfThisHost(error)) throw error;
    return { kind: 'refused', reason: `it cannot be read (${code ?? 'unknown'})` };
  }
  const begin = spool.end;
  let kept = begin;
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) return { kind: 'gone' };
    if (before.size > BigInt(options.maxBytes))
      return { kind: 'refused', reason: tooLarge(before.size, options.maxBytes) };
    const ageMs = (options.nowMs ?? Date.now)() - Number(before.mtimeNs / 1_000_000n);
    // One that was replaced by another is nobody's to write any more.
    const fresh = before.nlink > 0n && ageMs < SETTLED_MS;
    const emptied = before.nlink > 0n && before.size === 0n && ageMs < EMPTY_SETTLED_MS;
    if (emptied || (fresh && !options.last)) return { kind: 'unsteady' };
    const spooled = await spool.add(readRange(file, 0, Number(before.size) + 1));
    // Some kernels keep time so coarsely that a write right after another does not show.
    const end = spool.end;
    const again = fresh ? await spool.add(readRange(file, 0, Number(before.size) + 1)) : spooled;
    const after = await file.stat({ bigint: true });
    if (!sameFile(before, after) || spooled.bytes !== Number(before.size) || again.sha256 !== spooled.sha256)
      return { kind: 'unsteady' };
    kept = end;
    return { kind: 'read', spooled, stats: before };
  } finally {
    spool.rewind(kept);
    await file.close();
  }
}

const sameFile = (a: BigIntStats, b: BigIntStats): boolean => a.size === b.size && a.mtimeNs === b.mtimeNs;

export const tooLarge = (bytes: bigint | number, maxBytes: number): string =>
  `it has ${bytes} bytes, and files of at most ${maxBytes} are saved (MAX_STATE_FILE_SIZE_MB)`;
