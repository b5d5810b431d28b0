#!/usr/bin/env node
// The first script: boots on Node 18 and later with nothing installed, installs what the lock file names,
// and goes on with the project's own Node. Two forms:
//   the0-runtime ARGUMENTS…             runs cli/main.ts
//   the0-runtime --run FILE ARGUMENTS…  runs another TypeScript file of the tree
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BootError } from './boot-error.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { findNode } from './find-node.mjs';
import { handOver } from './hand-over.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

try {
  const [first, file, ...rest] = process.argv.slice(2);
  const script = first === '--run' ? file : 'cli/main.ts';
  if (script === undefined) throw new BootError('--run needs the name of a file, such as: --run test/run.ts');
  await ensureDependencies(root);
  const node = findNode(root);
  handOver(node, [join(root, script), ...(first === '--run' ? rest : process.argv.slice(2))], {
    // Types are stripped and code is compiled once, not at each start, which halves it and spares the stripper's memory.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'the0-runtime'),
  });
} catch (error) {
  if (!(error instanceof BootError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
