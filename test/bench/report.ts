import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { CAUSES } from './causes.ts';
import { BENCHES } from './catalogue.ts';
import { describeMachine, type Machine } from './harness/machine.ts';
import type { Line, Verdict } from './harness/verdict.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const RAW = join(FOLDER, 'raw');

/** What is kept of one bench's last run. */
type Kept = { machine: Machine; seconds: number; goal: string } & ({ verdict: Verdict } | { failed: string });

export function keep(name: string, outcome: Omit<Kept, 'machine'>, now: Date): void {
  mkdirSync(RAW, { recursive: true });
  writeFileSync(
    join(RAW, `${name}.json`),
    `${JSON.stringify({ machine: describeMachine(now), ...outcome }, null, 2)}\n`,
  );
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

function render(all: readonly [string, Kept][]): string {
  const lines = all.flatMap(([, kept]) => ('verdict' in kept ? kept.verdict.figures : []));
  const broken = all.flatMap(([name, kept]) => ('failed' in kept ? [[name, kept.failed] as const] : []));
  const missed = lines.filter((line) => !line.pass);
  return `${[
    '# Results',
    'Written by `npm run bench`; do not edit. What the columns mean, and how to run one: `README.md`. All runs are in `raw/`.',
    where(all.map(([, { machine }]) => machine)),
    table(lines),
    ...(broken.length === 0
      ? []
      : [
          `## Benches that failed\n\n${broken.map(([name, why]) => `- \`${name}\`: ${why.split('\n')[0] ?? ''}`).join('\n')}`,
        ]),
    missed.length === 0
      ? 'Every goal is reached.'
      : `## What is not reached, and why\n\n${missed.map(cause).join('\n')}`,
  ].join('\n\n')}\n`;
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

function where(machines: readonly Machine[]): string {
  const last = machines.toSorted((a, b) => a.at.localeCompare(b.at)).at(-1);
  if (last === undefined) return 'Nothing has been measured yet.';
  const versions = Object.entries(last.versions).map(([name, version]) => `${name} ${version}`);
  return `Measured on ${last.at.slice(0, 10)}: ${last.cores} cores (${last.cpu}), ${last.memoryGb} GB, kernel ${last.kernel}; ${versions.join(', ')}.`;
}
