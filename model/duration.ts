/** Durations as Go writes them (`90s`, `1h30m`, `500ms`), which is how the reference's flags and our configs do. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const PLAIN_SECONDS = /^\d+(\.\d+)?$/;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const PARTS = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
/** Nobody writes a longer one, and nothing longer is worth reading. */
const MAX_LENGTH = 64;

/**
 * Whole milliseconds of a duration, or of plain seconds given as a number or a text; undefined for what is neither, is
 * negative, or is too large to count in.
 */
export function parseDuration(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? value * 1000 : typeof value === 'string' ? msOfText(value) : NaN;
  const rounded = Math.round(ms);
  return Number.isSafeInteger(rounded) && ms >= 0 ? rounded : undefined;
}

function msOfText(text: string): number {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) return NaN;
  if (PLAIN_SECONDS.test(trimmed)) return Number(trimmed) * 1000;
  if (!WHOLE.test(trimmed)) return NaN;
  let total = 0;
  for (const [, amount, unit = ''] of trimmed.matchAll(PARTS))
    total += Number(amount) * (UNITS_MS[unit] ?? NaN);
  return total;
}

const SPOKEN = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** For people: the largest unit and the one below it (`1 h 30 min`, `12 min`, `1 s 500 ms`); what is finer is dropped. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const largest = SPOKEN.findIndex(([, unitMs]) => whole >= unitMs);
  if (largest === -1) return '0 s';
  let rest = whole;
  const words: string[] = [];
  for (const [unit, unitMs] of SPOKEN.slice(largest, largest + 2)) {
    const amount = Math.floor(rest / unitMs);
    if (amount > 0) words.push(`${amount} ${unit}`);
    rest -= amount * unitMs;
  }
  return words.join(' ');
}
