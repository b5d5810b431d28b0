import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';

/** Where the figures were measured. */
export type Machine = {
  at: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  versions: Record<string, string>;
};

export function describeMachine(now: Date): Machine {
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
      commit: commit(),
    },
  };
}

function commit(): string {
  try {
    const cwd = new URL('.', import.meta.url);
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', ':/') === '' ? '' : ' with changes'}`;
  } catch {
    // A copy without its history: the figures are worth as much.
    return 'unknown';
  }
}
