import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The command line's entry point: `npx the0-runtime …` ends here. */

// Types are stripped and code is compiled once, not at each start, which halves it. In a place that only who installed
// the tree can write to; where nobody can, it does without. Before all imports that it is to serve.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/the0-runtime', import.meta.url)));
const { run } = await import('./program.ts');

// A reader that has seen enough (`bots | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await run(process.argv.slice(2));
if (exitCode !== undefined) {
  process.exitCode = exitCode;
  // The process ends by itself once all is closed and its output is written; this is for what forgets to close.
  setTimeout(() => process.exit(), 3_000).unref();
}
