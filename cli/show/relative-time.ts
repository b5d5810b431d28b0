const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A span in its two largest units: `3d 4h`, `12m 5s`, `0s`. */
export function span(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000) * 1000);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter((part) => !part.startsWith('0')).join(' ') || '0s';
}

/** How long something took: `0.4s`, `9.9s`, `12s`, `3m 5s`. */
export const took = (ms: number): string =>
  ms < EXACT_BELOW_MS ? `${(Math.max(0, ms) / 1000).toFixed(1)}s` : span(ms);

const EXACT_BELOW_MS = 9_950;

/** `5m 3s ago`, `in 20s`; a dash where there is no time. */
export function relative(iso: string | null, nowMs: number): string {
  if (iso === null) return '-';
  const difference = nowMs - Date.parse(iso);
  return difference >= 0 ? `${span(difference)} ago` : `in ${span(-difference)}`;
}

/** `2026-11-23T12:00:00.000Z (5m ago)`; a dash where there is no time. */
export function timeWithAge(iso: string | null, nowMs: number): string {
  return iso === null ? '-' : `${iso} (${relative(iso, nowMs)})`;
}
