import { createLogger } from '../../../infra/logger.ts';
import { CliError } from '../../errors.ts';
import { findTarget } from '../../target.ts';
import { openEngine } from '../engine.ts';
import { probeRows } from './judge.ts';
import type { Row } from './row.ts';
import { runProbe } from './run.ts';

const WITHIN_MS = 50_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * One probe of the installation, from the command line: given up after a while, or at a signal, and then too all that it
 * made is removed. A second signal ends the process at once; the next probe removes what that leaves.
 */
export async function probeOnce(
  flags: Readonly<Record<string, unknown>>,
): Promise<{ rows: Row[]; tookMs: number }> {
  const { settings } = findTarget(flags);
  const engine = openEngine(settings, WITHIN_MS);
  await using _ = engine;
  const interrupted = new AbortController();
  const interrupt = (): void =>
    interrupted.abort(new CliError('The probe was interrupted; what it made is removed'));
  const timer = setTimeout(
    () =>
      interrupted.abort(
        new CliError(`The probe was not done within ${WITHIN_MS / 1000} s; what it made is removed`),
      ),
    WITHIN_MS,
  );
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    const log = createLogger({ level: 'silent', service: 'cli' });
    const facts = await runProbe({ settings, engine, log, signal: interrupted.signal });
    return { rows: probeRows(facts, settings), tookMs: facts.tookMs };
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.removeListener(signal, interrupt);
  }
}
