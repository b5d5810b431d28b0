import { constants } from 'node:os';

const NAMES = new Map<number, string>();
// Some numbers have two names (SIGABRT, SIGIOT): the first listed is the common one.
for (const [name, number] of Object.entries(constants.signals))
  if (!NAMES.has(number)) NAMES.set(number, name);

/** `SIGKILL` for 137; undefined for an exit code that names no signal. */
export function signalOfExitCode(exitCode: number): string | undefined {
  return exitCode > 128 ? NAMES.get(exitCode - 128) : undefined;
}
