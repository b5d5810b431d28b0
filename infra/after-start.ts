import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By then what a start does in the background has been done, too. */
const AFTER_MS = 2_000;

/**
 * Once a service is up: keeps what was compiled for the next start, and gives back the memory that the start took.
 * V8 by itself collects only when it needs room, which a quiet process never does: it would hold 40 MB of what loading
 * its modules left behind for as long as it runs.
 */
export function settleAfterStart(): void {
  const timer = setTimeout(() => {
    flushCompileCache();
    setFlagsFromString('--expose-gc');
    // 'last-resort': also what it keeps in case it is needed again soon, such as bytecode of functions that ran once.
    runInNewContext("gc({ type: 'major', flavor: 'last-resort' })");
    setFlagsFromString('--no-expose-gc');
  }, AFTER_MS);
  timer.unref();
}
