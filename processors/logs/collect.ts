import { ContainerMissing } from '../../infra/engine/errors.ts';
import type { Engine, LogLine } from '../../infra/engine/port.ts';
import { LOG_STREAMS, type ContainerCursor, type LogStream, type Mark } from '../../model/log-cursor.ts';
import { dayOf } from '../../model/log-lines.ts';
import { Joiner, type OutputLine } from './join.ts';
import { Seeker, type Place } from './seek.ts';

/** What came out of one container since its cursor, up to a stop. */
export type Collected = {
  cursor: ContainerCursor;
  lines: OutputLine[];
  entries: number;
  /** The engine has dropped output that was not taken: told before the lines. */
  gap?: Gap;
  /** Why it stopped before the end: there is more, or what comes belongs to a later day. */
  stopped?: { reason: 'budget' } | { reason: 'day'; day: string };
};

/**
 * Output lost between two times. Its size is a guess by how fast what follows was printed. Without `from`, the first that is
 * known of a container's output fills the engine's files, so that something before it may be lost.
 */
export type Gap = { from?: string; to: string; aboutBytes?: number };

export type CollectOptions = {
  cursor: ContainerCursor | undefined;
  /** Its program has ended: a last line without a newline is a line. */
  ended: boolean;
  maxLineBytes: number;
  /** Size of the engine's files; absent: not known. */
  engineBytes?: number;
  /** About so much is taken at once. */
  budgetBytes: number;
  /** Stops before an entry of a later day than this; undefined: any. */
  day: (entryDay: string) => boolean;
  signal: AbortSignal;
};

/**
 * Reading the newest entries is cheap in Docker, however much there is, reading `since` a time is not. Most bots print a few
 * lines between two flushes, and a thousand entries cost the engine ten times as much as a hundred.
 */
const WINDOWS = [100, 1_000, 10_000, undefined] as const;

const START: ContainerCursor = { after: { stdout: null, stderr: null }, cut: {} };

/** Undefined when the container is gone. */
export async function collect(
  engine: Pick<Engine, 'logs' | 'inspect'>,
  containerId: string,
  options: CollectOptions,
): Promise<Collected | undefined> {
  const cursor = options.cursor ?? START;
  const known = LOG_STREAMS.every((stream) => cursor.after[stream] !== null);
  try {
    let seenAll = !known;
    for (const tail of WINDOWS) {
      if (seenAll && tail !== undefined) continue;
      const measure = options.cursor === undefined;
      const read = await readWindow(engine, containerId, { ...options, cursor, tail, measure });
      if (read.missing.length === 0) return options.cursor === undefined ? atFirst(read, options) : read;
      if (tail === undefined) return await acrossGap(engine, containerId, options, cursor, read);
      seenAll = read.seen.entries < tail;
    }
  } catch (error) {
    if (error instanceof ContainerMissing) return undefined;
    throw error;
  }
  return undefined;
}

type Window = Collected & {
  missing: LogStream[];
  /** Of all that was read, for a guess at what is not there any more. */
  seen: { entries: number; bytes: number; first?: string; last?: string };
};

/** What the engine writes for an entry beyond its text, about. */
const ENTRY_BYTES = 90;
/** Of three files the engine drops one: two thirds are the least that is there afterwards, and our sum is a guess. */
const SURELY_ALL = 0.6;

function atFirst(read: Window, { engineBytes = Infinity }: CollectOptions): Collected {
  const { bytes, entries, first } = read.seen;
  if (first === undefined || bytes + entries * ENTRY_BYTES < engineBytes * SURELY_ALL) return read;
  return { ...read, gap: { to: first } };
}

/** What was taken last is not among what the engine still has: all it has is new, and something before it is lost. */
async function acrossGap(
  engine: Pick<Engine, 'logs' | 'inspect'>,
  containerId: string,
  options: CollectOptions,
  { after, cut }: ContainerCursor,
  first: Window,
): Promise<Collected> {
  const lost = new Set<LogStream>();
  let read = first;
  // More may go while it is read, at most once for each stream.
  while (read.missing.length > 0) {
    for (const stream of read.missing) lost.add(stream);
    const mark = (stream: LogStream): Mark | null => (lost.has(stream) ? null : after[stream]);
    const cursor = { after: { stdout: mark('stdout'), stderr: mark('stderr') }, cut };
    read = await readWindow(engine, containerId, { ...options, cursor, tail: undefined });
  }
  const { seen } = first;
  if (seen.first === undefined) return { ...read, cursor: { after, cut } };
  const from = [...lost].map((stream) => after[stream]?.time ?? '').sort()[0] ?? '';
  const spanMs = Date.parse(seen.last ?? seen.first) - Date.parse(seen.first);
  const lostMs = Date.parse(seen.first) - Date.parse(from);
  const aboutBytes = spanMs > 0 && lostMs >= 0 ? Math.round((seen.bytes / spanMs) * lostMs) : undefined;
  return { ...read, gap: { from, to: seen.first, ...(aboutBytes === undefined ? {} : { aboutBytes }) } };
}

async function readWindow(
  engine: Pick<Engine, 'logs' | 'inspect'>,
  containerId: string,
  options: CollectOptions & { cursor: ContainerCursor; tail: number | undefined; measure?: boolean },
): Promise<Window> {
  const { cursor, tail, signal } = options;
  const seeker = new Seeker(cursor.after, tail === undefined);
  const joiner = new Joiner(cursor, options.maxLineBytes);
  const lines: OutputLine[] = [];
  const seen: Window['seen'] = { entries: 0, bytes: 0 };
  let stopped: Collected['stopped'];
  let before: Place | null = null;
  let taken = 0;
  let entries = 0;
  for await (const entry of engine.logs(containerId, { signal, ...(tail === undefined ? {} : { tail }) })) {
    const { place, fresh } = seeker.next(entry);
    measure(seen, entry);
    if (fresh && stopped === undefined) {
      const day = dayOf(entry.time);
      if (!options.day(day)) stopped = { reason: 'day', day };
      else if (taken >= options.budgetBytes) stopped = { reason: 'budget' };
      else {
        lines.push(...joiner.take(entry, before));
        taken += entry.data.length;
        entries += 1;
      }
    }
    // What is still sought is read on for: without it, nothing of this window counts. The first time, all is measured.
    if (stopped !== undefined && seeker.missing().length === 0 && options.measure !== true) break;
    if (stopped === undefined)
      joiner.passed(
        place,
        LOG_STREAMS.filter((stream) => seeker.reached(stream)),
      );
    before = place;
  }
  const missing = seeker.missing();
  if (
    missing.length === 0 &&
    stopped === undefined &&
    joiner.waiting &&
    (await hasEnded(engine, containerId, options))
  )
    lines.push(...joiner.end());
  return {
    cursor: joiner.cursor(),
    lines,
    entries,
    missing,
    seen,
    ...(stopped === undefined ? {} : { stopped }),
  };
}

/** One that was started again since may be at the beginning of a line, so it is asked for once more. */
async function hasEnded(
  engine: Pick<Engine, 'inspect'>,
  containerId: string,
  { ended, signal }: CollectOptions,
): Promise<boolean> {
  if (!ended) return false;
  const found = await engine.inspect(containerId, { signal });
  return found === undefined || found.state === 'exited' || found.state === 'dead';
}

function measure(seen: Window['seen'], { data, time }: LogLine): void {
  seen.entries += 1;
  seen.bytes += data.length;
  seen.first ??= time;
  seen.last = time;
}
