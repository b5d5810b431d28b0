import { createHash } from 'node:crypto';
import type { VolumeFile } from '../../infra/engine/port.ts';

/** One file or folder of a state, as its archive has it. `path` without a slash at either end. */
export type StateEntry = {
  path: string;
  directory: boolean;
  /** Permission bits. */
  mode: number;
  bytes: number;
  mtimeMs: number;
  /** Of the content; empty for a folder. */
  sha256: string;
};

/** The owner's bits are always set: a bot that closes a file to itself could not be given it back. */
export const fileMode = (mode: number): number => (mode & 0o777) | 0o600;
export const folderMode = (mode: number): number => (mode & 0o777) | 0o700;

/** The same for two states that hold the same files with the same permissions, whenever they were written. */
export function contentDigest(entries: Iterable<StateEntry>): string {
  const lines = [...entries].map(({ path, directory, mode, bytes, sha256 }) =>
    JSON.stringify([path, directory, mode, bytes, sha256]),
  );
  return digest(lines);
}

/** The same as long as nothing on the volume was touched. */
export function listingFingerprint(files: readonly VolumeFile[]): string {
  return digest(
    files.map(({ path, type, bytes, mtimeNs, ctimeNs, mode }) =>
      JSON.stringify([path, type, bytes, mtimeNs, ctimeNs, mode]),
    ),
  );
}

function digest(lines: string[]): string {
  const hash = createHash('sha256');
  for (const line of lines.sort()) hash.update(line).update('\n');
  return hash.digest('hex');
}

const LONGEST_NAME = 160;
const MOST_PROBLEMS = 20;

/** Names are the bot's: quoted, and cut. */
export function problemLine(path: string, reason: string): string {
  const shown = path.length > LONGEST_NAME ? `${path.slice(0, LONGEST_NAME)}…` : path;
  return `${JSON.stringify(shown)}: ${reason}`;
}

/** Problems as they are kept: so many that a status stays readable. */
export function boundedProblems(problems: readonly string[]): string[] {
  if (problems.length <= MOST_PROBLEMS) return [...problems];
  return [...problems.slice(0, MOST_PROBLEMS), `and ${problems.length - MOST_PROBLEMS} more`];
}
