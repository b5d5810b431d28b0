import { meanOf, type UsageSpan } from './usage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** So long is what means are kept of, and what is written at once. */
export const USAGE_WINDOW_MS = 5 * MINUTE_MS;
/** Steps that a reader of an axis expects. */
const NICE_STEPS_MS = [
  1_000,
  2_000,
  5_000,
  10_000,
  15_000,
  30_000,
  MINUTE_MS,
  2 * MINUTE_MS,
  USAGE_WINDOW_MS,
  10 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  24 * HOUR_MS,
];
const POINTS_BY_DEFAULT = 300;

/** Beginning of the window of `length` that a moment lies in, in epoch milliseconds. */
export const windowStart = (atMs: number, lengthMs = USAGE_WINDOW_MS): number =>
  Math.floor(atMs / lengthMs) * lengthMs;

/** The shortest step, no shorter than `leastMs`, that divides a span into about 300. */
export function niceStep(spanMs: number, leastMs: number): number {
  const wantedMs = Math.max(leastMs, spanMs / POINTS_BY_DEFAULT);
  return NICE_STEPS_MS.find((ms) => ms >= wantedMs) ?? Math.ceil(wantedMs / HOUR_MS) * HOUR_MS;
}

export type At<T> = T & { atMs: number };

/** Spans of `stepMs`, which begin at whole multiples of it; those of which nothing is known are left out. */
export function intoSteps(measured: readonly At<UsageSpan>[], stepMs: number): At<UsageSpan>[] {
  const bySteps = Map.groupBy(measured, ({ atMs }) => windowStart(atMs, stepMs));
  return [...bySteps]
    .sort(([a], [b]) => a - b)
    .map(([atMs, spans]) => ({ ...meanOf(spans.toSorted((a, b) => a.atMs - b.atMs)), atMs }));
}
