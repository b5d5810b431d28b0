import type { RunState } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';

/** How much a calendar shows at once: so much that its cells can still be told apart. */
export const SCALES = ['month', 'day', 'hour'] as const;
export type Scale = (typeof SCALES)[number];

/** A tick: one that came, with its record, or one that will. */
export type Tick = { atMs: number; run?: { id: string; state: RunState; reason: string; kind: string } };

/** A part of the calendar: a day of a month, an hour of a day, a minute of an hour. */
export type Bucket = { fromMs: number; toMs: number; ticks: Tick[] };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** By how far ticks are apart, in milliseconds; undefined: it is not known. */
export function scaleFor(apartMs: number | undefined): Scale {
  if (apartMs === undefined || apartMs >= HOUR) return 'month';
  return apartMs >= MINUTE ? 'day' : 'hour';
}

/** The shortest time between two that follow each other; undefined where there are fewer than two. */
export function apart(timesMs: readonly number[]): number | undefined {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((at, index) => at - (sorted[index] ?? at));
  return gaps.length === 0 ? undefined : Math.min(...gaps);
}

export type Span = { fromMs: number; toMs: number };

/** The month, day or hour that holds a moment, by the clocks of the viewer. */
export function spanOf(scale: Scale, atMs: number): Span {
  const at = new Date(atMs);
  const [year, month, day] = [at.getFullYear(), at.getMonth(), at.getDate()];
  if (scale === 'month') return { fromMs: +new Date(year, month, 1), toMs: +new Date(year, month + 1, 1) };
  if (scale === 'day') return { fromMs: +new Date(year, month, day), toMs: +new Date(year, month, day + 1) };
  // Hours are counted in real time: when clocks go back one comes twice, and each is one of its own.
  const fromMs = atMs - (at.getMinutes() * MINUTE + at.getSeconds() * 1_000 + at.getMilliseconds());
  return { fromMs, toMs: fromMs + HOUR };
}

/** The span before (`-1`) or after (`1`). */
export const spanBeside = (scale: Scale, { fromMs, toMs }: Span, direction: -1 | 1): Span =>
  spanOf(scale, direction < 0 ? fromMs - 1 : toMs);

/** The parts of a span with the ticks in each, in order; a tick in several of `ticks` counts once, with its record. */
export function bucketsOf(scale: Scale, span: Span, ticks: readonly Tick[]): Bucket[] {
  const buckets: Bucket[] = [];
  for (let fromMs = span.fromMs; fromMs < span.toMs;) {
    const toMs = Math.min(span.toMs, nextStart(scale, fromMs));
    buckets.push({ fromMs, toMs, ticks: [] });
    fromMs = toMs;
  }
  const recorded = new Set(ticks.filter(({ run }) => run?.kind === 'tick').map(({ atMs }) => atMs));
  for (const tick of [...ticks].sort((a, b) => a.atMs - b.atMs)) {
    if (tick.run === undefined && recorded.has(tick.atMs)) continue;
    const bucket = buckets.find(({ fromMs, toMs }) => tick.atMs >= fromMs && tick.atMs < toMs);
    bucket?.ticks.push(tick);
  }
  return buckets;
}

/** Between which moments all ticks are known: what is blank before or after says nothing. */
export type Known = Span;

/** `ahead`: the next ticks, in order; all that will ever come, or the first of them. `capped`: older ones are on record than are held. */
export function knownOf(
  held: readonly Tick[],
  isCapped: boolean,
  ahead: { timesMs: readonly number[]; isAll: boolean },
): Known {
  return {
    fromMs: isCapped ? Math.min(...held.map(({ atMs }) => atMs)) : -Infinity,
    toMs: ahead.isAll ? Infinity : (ahead.timesMs.at(-1) ?? Infinity),
  };
}

/** Whether nothing of a part of the calendar is known. */
export const isBeyond = (part: Span, known: Known): boolean =>
  part.toMs <= known.fromMs || part.fromMs > known.toMs;

const DAY = 24 * HOUR;
/** Of a server that gave times which are over already, one asks no more often than that. */
const SOONEST_MS = 10_000;

/** In how long to ask again for what will come: once fewer than half of it is left. Undefined: never, that was all. */
export function askAgainInMs(
  { timesMs, isAll }: { timesMs: readonly number[]; isAll: boolean },
  nowMs: number,
): number | undefined {
  const half = timesMs[Math.floor(timesMs.length / 2)];
  if (isAll || half === undefined) return undefined;
  // A timer's longest is 24 days.
  return Math.min(DAY, Math.max(SOONEST_MS, half - nowMs));
}

/** Whether two lists of ticks look the same. */
export const sameTicks = (one: readonly Tick[], other: readonly Tick[]): boolean =>
  one.length === other.length &&
  one.every((tick, at) => tick.atMs === other[at]?.atMs && tick.run === other[at].run);

function nextStart(scale: Scale, fromMs: number): number {
  if (scale === 'hour') return fromMs + MINUTE;
  if (scale === 'day') return fromMs + HOUR;
  const at = new Date(fromMs);
  return +new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1);
}

/** How many places of the first week stay empty before the first of a month: weeks begin with Monday. */
export const placesBefore = ({ fromMs }: Span): number => (new Date(fromMs).getDay() + 6) % 7;
