import { run } from './program.ts';

/** The command line's entry point: `npx the0-runtime …` ends here. */

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
