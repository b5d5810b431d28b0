import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpus, release, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';

/** Where the figures were measured. */
export type Machine = {
  /** When the run began. */
  at: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  versions: Record<string, string>;
};

/** What the tree was at a moment; `changes`: hash of what is not committed, empty where all is. */
export type Tree = { commit: string; changes: string };

/** What benches themselves write. */
const WRITTEN = [':/', ':(top,exclude)test/bench/raw', ':(top,exclude)test/bench/RESULTS.md'];

export function describeMachine(now: Date, tree: Tree): Machine {
  const all = cpus();
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as {
    dependencies: Record<string, string>;
  };
  return {
    at: now.toISOString(),
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    versions: {
      node: process.version,
      ...Object.fromEntries(['bullmq', 'ioredis', 'mongodb'].map((name) => [name, dependencies[name] ?? ''])),
      commit: treeInWords(tree),
    },
  };
}

/** `folder`: a place within the tree. */
export function treeNow(folder: URL | string = new URL('.', import.meta.url)): Tree {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 256 * 1024 * 1024,
      }).trim();
    const commit = git('rev-parse', '--short', 'HEAD');
    const status = git('status', '--porcelain', '--untracked-files=all', '--', ...WRITTEN);
    if (status === '') return { commit, changes: '' };
    const untracked = git('ls-files', '--others', '--exclude-standard', '--full-name', '--', ...WRITTEN);
    const top = git('rev-parse', '--show-toplevel');
    const hash = createHash('sha256')
      .update(status)
      .update(git('diff', 'HEAD', '--', ...WRITTEN));
    for (const file of untracked.split('\n').filter(Boolean)) hash.update(readFileSync(`${top}/${file}`));
    return { commit, changes: hash.digest('hex').slice(0, 12) };
  } catch {
    // A copy without its history: the figures are worth as much.
    return { commit: 'unknown', changes: '' };
  }
}

const treeInWords = ({ commit, changes }: Tree): string =>
  changes === '' ? commit : `${commit} with changes`;

/** How the tree changed while a bench ran, so that nobody knows what was measured; undefined where it did not. */
export function treeChange(before: Tree, after: Tree): string | undefined {
  if (before.commit !== after.commit)
    return `the tree went from ${treeInWords(before)} to ${treeInWords(after)} while it ran`;
  return before.changes === after.changes ? undefined : 'files of the tree changed while it ran';
}
