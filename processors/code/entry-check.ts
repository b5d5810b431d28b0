import { posix } from 'node:path';
import { quoteName } from './bad-archive.ts';
import { EntryPointMissing } from './errors.ts';
import type { ManifestEntry } from './tree.ts';

const MOST_SUGGESTIONS = 3;
const MOST_TYPOS = 3;
/** Comparing letter by letter is slow; what lies nearer to the root is likelier meant. */
const MOST_COMPARED = 2000;

/**
 * The path of an entry point as the manifest has it (`./a.py` → `a.py`). `role`: `bot` or `query`, for the message.
 * Throws `EntryPointMissing` if it is empty, leads outside, is a folder or is not there, with what may be meant instead.
 */
export function checkEntryPoint(
  manifest: readonly ManifestEntry[],
  entryPoint: string,
  role: string,
): string {
  const refuse = (detail: string): EntryPointMissing =>
    new EntryPointMissing(`entrypoints.${role}=${quoteName(entryPoint)}: ${detail}`);
  if (entryPoint.trim() === '') throw refuse('it is empty; name a file of the code archive');
  const path = normalizePath(entryPoint);
  if (path === undefined)
    throw refuse('it leads out of the code archive; name a file by its path inside, such as src/main.py');
  const found = manifest.find((entry) => entry.path === path);
  if (found?.directory === false) return path;
  const near = suggestions(manifest, path);
  const hint =
    near.length > 0 ? `did you mean ${near.map(quoteName).join(' or ')}?` : `it holds ${topLevel(manifest)}`;
  if (found !== undefined || path === '.')
    throw refuse(`it is a folder of the code archive, not a file; ${hint}`);
  throw refuse(`the code archive holds no such file; ${hint}`);
}

/** Without `./` and doubled slashes; undefined if it is absolute or leads outside. */
export function normalizePath(path: string): string | undefined {
  const normal = posix.normalize(path).replace(/(?<=.)\/$/, '');
  return normal.startsWith('/') || normal === '..' || normal.startsWith('../') ? undefined : normal;
}

function suggestions(manifest: readonly ManifestEntry[], wanted: string): string[] {
  const files = manifest.filter((entry) => !entry.directory).map((entry) => entry.path);
  const lower = wanted.toLowerCase();
  const name = posix.basename(lower);
  const score = (path: string): number | undefined => {
    const candidate = path.toLowerCase();
    if (candidate === lower) return 0;
    if (candidate.startsWith(`${lower}/`) && candidate.indexOf('/', lower.length + 1) === -1) return 3;
    if (posix.basename(candidate) === name) return 1;
    const typos = distance(candidate, lower, MOST_TYPOS);
    return typos <= Math.min(MOST_TYPOS, wanted.length / 2) ? 1 + typos : undefined;
  };
  return files
    .sort((a, b) => a.split('/').length - b.split('/').length)
    .slice(0, MOST_COMPARED)
    .map((path) => ({ path, score: score(path) }))
    .filter((candidate) => candidate.score !== undefined)
    .sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
    .slice(0, MOST_SUGGESTIONS)
    .map((candidate) => candidate.path);
}

function topLevel(manifest: readonly ManifestEntry[]): string {
  const names = manifest
    .filter((entry) => !entry.path.includes('/'))
    .map((entry) => (entry.directory ? `${entry.path}/` : entry.path));
  const shown = names.slice(0, 8).map(quoteName).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** Insertions, removals and replacements between two texts; more than `limit` is reported as `limit + 1`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(row[b.length] ?? limit + 1, limit + 1);
}
