import { parseDuration } from '../duration.ts';

const EVERY = /^@every(?: (.*))?$/i;
/** Go's notation: every number has its unit. */
const WITH_UNITS = /[a-z]$/;

const LEAST_MS = 1000;
const MOST_MS = 366 * 86_400_000;

/** The interval of `@every 90s`; undefined for what is no `@every`. `problem` ends a sentence that begins with the whole text. */
export function readEvery(
  cron: string,
): { ok: true; ms: number } | { ok: false; problem: string } | undefined {
  const match = EVERY.exec(cron);
  if (match === null) return undefined;
  const text = match[1] ?? '';
  const ms = WITH_UNITS.test(text) ? parseDuration(text) : undefined;
  if (ms === undefined)
    return { ok: false, problem: 'has no duration such as 90s, 5m or 1h30m after @every' };
  if (ms < LEAST_MS || ms % 1000 !== 0)
    return { ok: false, problem: 'is no whole number of seconds: every second (1s) is the most often' };
  if (ms > MOST_MS) return { ok: false, problem: 'is longer than a year (8784h), the most that is counted' };
  return { ok: true, ms };
}
