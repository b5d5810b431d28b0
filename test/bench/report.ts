import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { CAUSES } from './causes.ts';
import { BENCHES } from './catalogue.ts';
import type { Machine } from './harness/machine.ts';
import type { Line, Verdict } from './harness/verdict.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const RAW = join(FOLDER, 'raw');

/** What is kept of one bench's last run. `changed`: the tree did not stay as it was at the beginning. */
type Kept = { machine: Machine; changed?: string; seconds: number; goal: string } & (
  { verdict: Verdict } | { failed: string }
);

export function keep(name: string, kept: Kept): void {
  mkdirSync(RAW, { recursive: true });
  writeFileSync(join(RAW, `${name}.json`), `${JSON.stringify(kept, null, 2)}\n`);
}

/** Rewrites RESULTS.md from what is kept of each bench. */
export function writeReport(): void {
  writeFileSync(join(FOLDER, 'RESULTS.md'), render(readAll()));
}

function readAll(): [string, Kept][] {
  const files = new Set(readdirSync(RAW));
  return Object.keys(BENCHES)
    .filter((name) => files.has(`${name}.json`))
    .map((name) => [name, JSON.parse(readFileSync(join(RAW, `${name}.json`), 'utf8')) as Kept]);
}

/** Exported for its test. */
export function render(all: readonly [string, Kept][]): string {
  const missed = all.flatMap(([, kept]) =>
    'verdict' in kept ? kept.verdict.figures.filter((line) => !line.pass) : [],
  );
  return `${[
    '# Results',
    'Written by `npm run bench`; do not edit. What the columns mean, and how to run one: `README.md`. All runs are in `raw/`. Each bench says when, where and at which commit it was run.',
    ...all.map(([name, kept]) => section(name, kept)),
    missed.length === 0
      ? 'Every goal is reached.'
      : `## What is not reached, and why\n\n${missed.map(cause).join('\n')}`,
  ].join('\n\n')}\n`;
}

function section(name: string, kept: Kept): string {
  return [
    `## ${name}`,
    where(kept),
    'verdict' in kept ? table(kept.verdict.figures) : `It failed: ${kept.failed.split('\n')[0] ?? ''}`,
  ].join('\n\n');
}

function table(lines: readonly Line[]): string {
  const rows = lines.map(({ name, goal, value, unit, anchor, anchorWhat, ratio, pass, runs }) => [
    name,
    goal || '–',
    `${value} ${unit}`,
    anchor === null ? '–' : `${anchor} ${unit} (${anchorWhat ?? ''})`,
    ratio === null ? '–' : String(ratio),
    String(runs.length),
    goal === '' ? '–' : pass ? 'yes' : '**no**',
  ]);
  const head = ['figure', 'goal', 'measured', 'anchor', 'ratio', 'runs', 'pass'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cause({ name, goal, value, unit, ratio }: Line): string {
  const measured = goal.startsWith('ratio') ? `ratio ${ratio ?? 'unknown'}` : `${value} ${unit}`;
  return `- **${name}**: ${measured} instead of ${goal}. ${CAUSES[name] ?? 'The cause is not known yet.'}`;
}

function where({ machine, changed }: Kept): string {
  const { at, cores, cpu, memoryGb, kernel } = machine;
  const { commit = 'unknown', ...rest } = machine.versions;
  const versions = Object.entries(rest).map(([name, version]) => `${name} ${version}`);
  const line = `Measured on ${at.slice(0, 10)} at commit ${commit}: ${cores} cores (${cpu}), ${memoryGb} GB, kernel ${kernel}; ${versions.join(', ')}.`;
  return changed === undefined ? line : `${line} **Not of one commit: ${changed}.**`;
}
