import type { BigIntStats } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { walkVolume, type WalkedFile } from '../../infra/engine/volume-walk.ts';
import { pause } from '../../infra/pause.ts';
import type { Collected } from './archive-tar.ts';
import { LINK, SPECIAL, type Collection } from './collect.ts';
import { StateTooLarge } from './errors.ts';
import { excessOf, type StateLimits } from './limits.ts';
import { fileMode, folderMode, problemLine } from './manifest.ts';
import type { Spool } from './spool.ts';
import { readSteadily } from './steady.ts';

/** Entries between two breaths of the process. */
const AT_ONCE = 200;

/** Pauses between walks, for files that do not stand still. */
const PAUSES_MS = [10, 20, 40, 80, 160];

/**
 * Reads a volume at its mount point while its owner may write on. Each file is read as it stood at one moment. Files that come
 * meanwhile are read too, those that go are left out, until a walk finds what the one before it found (or a few were made).
 */
export async function collectLocally(
  root: string,
  spool: Spool,
  limits: StateLimits,
  signal: AbortSignal,
): Promise<Collection> {
  const entries = new Map<string, Collected>();
  const refused = new Map<string, string>();
  let unsteady: string[] = [];
  for (let walk = 0; walk <= PAUSES_MS.length; walk += 1) {
    const seen = new Set<string>();
    let news = 0;
    unsteady = [];
    for (const walked of walkVolume(root)) {
      signal.throwIfAborted();
      const { path } = walked;
      seen.add(path);
      if (seen.size > limits.maxFiles) throw new StateTooLarge(excessOf({}, limits.maxFiles));
      if (seen.size % AT_ONCE === 0) await breathe();
      if (walked.kind === 'skipped') refused.set(path, walked.reason);
      else if (!entries.has(path) && !refused.has(path)) {
        const taken = await take(walked, spool, limits, walk === PAUSES_MS.length);
        news += 1;
        if (typeof taken === 'string') refused.set(path, taken);
        else if (taken === UNSTEADY) unsteady.push(path);
        else if (taken !== undefined) entries.set(path, taken);
      }
    }
    for (const all of [entries, refused])
      for (const path of [...all.keys()]) if (!seen.has(path)) all.delete(path);
    if (news === 0) break;
    if (unsteady.length > 0) await pause(PAUSES_MS[walk] ?? 0, signal);
  }
  return {
    entries,
    problems: [...refused].map(([path, reason]) => problemLine(path, reason)),
    unsteady,
  };
}

const UNSTEADY = Symbol('unsteady');

/** The entry, why it is refused, that it did not stand still, or undefined where it is gone. */
async function take(
  { path, at, stats, type }: WalkedFile,
  spool: Spool,
  limits: StateLimits,
  last: boolean,
): Promise<Collected | string | typeof UNSTEADY | undefined> {
  switch (type) {
    case 'directory':
      return {
        path,
        mode: folderMode(Number(stats.mode)),
        ...timeOf(stats),
        directory: true,
        bytes: 0,
        sha256: '',
      };
    case 'link':
      return LINK;
    case 'other':
      return SPECIAL;
    case 'file': {
      const read = await readSteadily(at, spool, { maxBytes: limits.maxFileBytes, last });
      switch (read.kind) {
        case 'gone':
          return undefined;
        case 'refused':
          return read.reason;
        case 'unsteady':
          return UNSTEADY;
        case 'read': {
          const { spooled, stats: now } = read;
          const { bytes, sha256 } = spooled;
          return {
            path,
            mode: fileMode(Number(now.mode)),
            ...timeOf(now),
            directory: false,
            bytes,
            sha256,
            spooled,
          };
        }
      }
    }
  }
}

const timeOf = (stats: BigIntStats): { mtimeMs: number } => ({
  mtimeMs: Number(stats.mtimeNs / 1_000_000_000n) * 1000,
});
