import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../infra/local/command.ts';

/** `npm run check`: every static check, side by side, with a line each and the output of those that fail. */
const root = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 600_000;

const LAYERS = [
  'bin',
  'cli',
  'model',
  'queues',
  'producers',
  'processors',
  'dashboard',
  'infra',
  'proto',
  'test',
];
/** `program`: of a package, below `node_modules`; or `own`, a script of ours. */
const CHECKS: readonly ({ name: string; what: string; args: readonly string[] } & (
  { program: string } | { own: string }
))[] = [
  {
    name: 'eslint',
    what: 'typed lint rules',
    program: 'eslint/bin/eslint.js',
    args: ['.', '--max-warnings=0', '--cache', '--cache-location', '.data/eslint'],
  },
  { name: 'tsc', what: 'types', program: 'typescript/bin/tsc', args: ['--noEmit'] },
  {
    name: 'tsc, app',
    what: 'types of what runs in a browser',
    program: 'typescript/bin/tsc',
    args: ['--noEmit', '-p', 'dashboard/app'],
  },
  {
    name: 'tsc, browser tests',
    what: 'types of what speaks of a page',
    program: 'typescript/bin/tsc',
    args: ['--noEmit', '-p', 'test/browser'],
  },
  {
    name: 'dependency-cruiser',
    what: 'imports go one way',
    program: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: [...LAYERS, '--config', '.dependency-cruiser.cjs', '--output-type', 'err'],
  },
  {
    name: 'knip',
    what: 'unused code and dependencies',
    program: 'knip/bin/knip.js',
    args: ['--no-progress'],
  },
  {
    name: 'prettier',
    what: 'format',
    program: 'prettier/bin/prettier.cjs',
    args: ['--check', '--log-level=warn', '.'],
  },
  {
    name: 'proto',
    what: 'the API’s protos: style, nothing that breaks a client, generated files',
    own: 'proto/check.ts',
    args: [],
  },
];

const failed: string[] = [];
const waiting = [...CHECKS];
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
console.log(failed.length === 0 ? 'All checks pass.' : `Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { name, what, args } = check;
    const script = 'own' in check ? check.own : `node_modules/${check.program}`;
    const begun = Date.now();
    const { code, output } = await runCommand(process.execPath, [script, ...args], {
      cwd: root,
      timeoutMs: TIMEOUT_MS,
    });
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(18)} ${what} (${seconds} s)`);
    if (code === 0) continue;
    failed.push(name);
    console.log(output.trimEnd().replaceAll(/^/gm, '       '));
  }
}
