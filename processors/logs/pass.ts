import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import {
  cursorId,
  encodeCursor,
  MAX_CURSOR_BYTES,
  type ContainerCursor,
  type LogCursor,
} from '../../model/log-cursor.ts';
import { LABEL } from '../../model/labels.ts';
import { dayOf } from '../../model/log-lines.ts';
import { Batch, type LogLimits } from './batch.ts';
import { collect, type Collected, type Gap } from './collect.ts';
import type { LogObjects, LogPlace } from './log-object.ts';

export type Saved = {
  place: LogPlace & { day: string };
  bytes: number;
  dropped: { lines: number; bytes: number };
  gaps: number;
  /** Of the oldest line, by the engine's time. */
  firstTime: string | undefined;
};

export type PassDeps = {
  engine: Pick<Engine, 'list' | 'logs' | 'inspect'>;
  objects: LogObjects;
  limits: LogLimits;
  engineBytes: number | undefined;
  now: () => number;
  /** Throws when this process may not write any more. */
  check: () => void;
  saved: (flush: Saved) => Promise<void>;
};

export type Flushed = {
  bytes: number;
  /** Containers whose output waits, since the cursor has no room for them. */
  left: readonly string[];
};

/** About so much is read for one write. */
const BUDGET_BYTES = 8 * 1024 * 1024;
/** A cursor that moves without a line to store is written only when it moved so far. */
const IDLE_ENTRIES = 500;
/** How far the engine's clock may be ahead of ours before its days are not believed. */
const CLOCK_AHEAD_MS = 60 * 60_000;

/** Saves all there is of one bot, in as many writes as it takes. @throws ConditionFailed when another writes meanwhile. */
export async function flushPass(
  deps: PassDeps,
  { id, hint, final, signal }: { id: string; hint: string | undefined; final: boolean; signal: AbortSignal },
): Promise<Flushed> {
  let place = await deps.objects.find(id, hint, signal);
  // Nothing more of this day is kept, and to say how much would mean to extend a large log for nothing else.
  if (place.cursor.full && !final && place.day === dayAt(deps.now())) return { bytes: 0, left: [] };
  // Only now: a container that another has seen since is in a cursor newer than ours, and our write fails.
  const containers = await printing(deps.engine, id, signal);
  let bytes = 0;
  for (;;) {
    const round = await takeRound(deps, place, containers, signal);
    const { batch, day, nextDay, left } = round;
    const sealed = batch.seal();
    const worthIt = sealed.tail.length > 0 || (place.etag !== null && batch.entries >= IDLE_ENTRIES);
    const cursor = { ...sealed.limits, containers: round.cursors };
    if (!worthIt || day === undefined) place = { ...place, day, cursor };
    else {
      deps.check();
      const written = await deps.objects.append(place, day, sealed.tail, cursor, signal);
      bytes += sealed.tail.length;
      place = written;
      await deps.saved({
        place: { ...written, day },
        bytes: sealed.tail.length,
        dropped: sealed.dropped,
        gaps: batch.gaps,
        firstTime: batch.firstTime,
      });
    }
    if (round.more) continue;
    if (nextDay === undefined) return { bytes, left };
    deps.check();
    place = await deps.objects.close(place, nextDay, signal);
  }
}

const dayAt = (ms: number): string => dayOf(new Date(ms).toISOString());

/** Containers of the bot, or of the schedule's runs, that may have printed. */
async function printing(
  engine: Pick<Engine, 'list'>,
  id: string,
  signal: AbortSignal,
): Promise<ContainerView[]> {
  const found = await engine.list({ labels: { [LABEL.id]: id } }, { signal });
  return found
    .filter(({ labels }) => labels[LABEL.kind] === 'bot' || labels[LABEL.kind] === 'run')
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

type Round = {
  batch: Batch;
  day: string | undefined;
  cursors: Record<string, ContainerCursor>;
  /** The budget ended it. */
  more: boolean;
  nextDay: string | undefined;
  left: string[];
};

async function takeRound(
  { engine, limits, engineBytes, now }: PassDeps,
  place: LogPlace,
  containers: readonly ContainerView[],
  signal: AbortSignal,
): Promise<Round> {
  const batch = new Batch(limits, place.cursor, place.bytes);
  const latest = dayAt(now() + CLOCK_AHEAD_MS);
  const round: Round = {
    batch,
    day: place.day,
    cursors: kept(place.cursor, containers),
    more: false,
    nextDay: undefined,
    left: [],
  };
  /** A day's object is never gone back to, nor is one of a day that cannot be yet begun. */
  const belongs = (entryDay: string): boolean => {
    const day = entryDay > latest ? latest : entryDay;
    round.day ??= day;
    return day <= round.day;
  };
  for (const { id, state } of containers) {
    const key = cursorId(id);
    const collected = await collect(engine, id, {
      cursor: place.cursor.containers[key],
      ended: state === 'exited' || state === 'dead',
      maxLineBytes: limits.lineKb * 1024,
      ...(engineBytes === undefined ? {} : { engineBytes }),
      budgetBytes: Math.max(1, BUDGET_BYTES - batch.bytes),
      day: belongs,
      signal,
    });
    if (collected === undefined) continue;
    const cursors = { ...round.cursors, [key]: collected.cursor };
    if (isNothing(collected)) continue;
    if (!fits(place.cursor, cursors)) {
      round.left.push(id);
      continue;
    }
    round.cursors = cursors;
    tell(batch, collected);
    const { stopped } = collected;
    if (stopped?.reason === 'budget') round.more = true;
    if (stopped?.reason === 'day') {
      const day = stopped.day > latest ? latest : stopped.day;
      if (round.nextDay === undefined || day < round.nextDay) round.nextDay = day;
    }
  }
  return round;
}

/** Nothing was taken, so that its cursor need not be known. A stop shows that there is something. */
const isNothing = ({ entries, gap, stopped, lines }: Collected): boolean =>
  entries === 0 && gap === undefined && stopped === undefined && lines.length === 0;

function tell(batch: Batch, { lines, entries, gap }: Collected): void {
  batch.entries += entries;
  if (gap !== undefined) {
    batch.gaps += 1;
    batch.mark(gapMessage(gap), gap.to, { gap });
  }
  for (const line of lines) batch.add(line);
}

function gapMessage({ from, to, aboutBytes }: Gap): string {
  if (from === undefined)
    return `output before ${to} may be lost: it filled the engine’s own files before any was saved. Print less, or raise LOG_ENGINE_MB.`;
  const size = aboutBytes === undefined ? 'how much is not known' : `about ${aboutBytes} bytes`;
  return `output between ${from} and ${to} is lost (${size}): it outran the engine’s own files. Print less, or raise LOG_ENGINE_MB.`;
}

/** What is known of containers that are there; of those that are gone, nothing is left to be known. */
function kept(cursor: LogCursor, containers: readonly ContainerView[]): Record<string, ContainerCursor> {
  const present = new Set(containers.map(({ id }) => cursorId(id)));
  return Object.fromEntries(Object.entries(cursor.containers).filter(([id]) => present.has(id)));
}

const ROOM_FOR_LIMITS = 150;

const fits = (before: LogCursor, containers: Record<string, ContainerCursor>): boolean =>
  encodeCursor({ ...before, containers }).length <= MAX_CURSOR_BYTES - ROOM_FOR_LIMITS;
