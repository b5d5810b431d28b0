import { S3Error } from '../../../infra/s3/errors.ts';
import { unlessAborted } from '../../../infra/unless-aborted.ts';
import { InvalidRequest, type Unavailable } from '../errors.ts';
import { locate } from './locate.ts';
import { comparePlaces, type ToldLine } from './page.ts';
import { EARLIEST, LATEST, placeText, readPlace, type StoredPlace } from './place.ts';
import type { LogRoom } from './room.ts';
import type { LogRooms, Seat } from './rooms.ts';
import { beginningOf, endOf, storedPart, type Wish } from './stored-part.ts';
import type { StoredLog } from './stored-log.ts';
import { wanting } from './wanted.ts';

/** What a reader of a stream is told. `position`: to go on after it; absent or empty: that of the answer before still holds. */
export type LogAnswer = {
  lines?: readonly ToldLine[];
  note?: string;
  position?: string;
  heartbeat?: boolean;
};

export type LogStreamDeps = {
  rooms: LogRooms;
  log: StoredLog;
  /** Until when a run printed; undefined: it is not over. Absent: it is the log of no run. */
  overSince?: () => Promise<number | undefined>;
};

export type LogStreamRequest = Wish & {
  logId: string;
  /** Position of the last line known. */
  after?: string;
  /** Ends with what is stored. */
  storedOnly: boolean;
};

const HEARTBEAT_MS = 15_000;
const RUN_LOOK_MS = 1_000;
const REPEATS = 'What follows may have been told already: the line that was told last is not in the log.';
const HOLE =
  'Some of what was printed just now may be missing here: it is not saved yet, and too much of it came since.';
const S3_AWAY = 'What was printed before is not told: S3 does not answer.';

/**
 * A log from a position on: what is stored, then what comes live, without a hole between the two and without a line twice,
 * but where a note says so. Holds at most one answer for its reader, and waits until he has taken it.
 * @throws InvalidRequest, Exhausted (too slow), Unavailable (NATS), S3Error
 */
export async function* streamLog(
  deps: LogStreamDeps,
  request: LogStreamRequest,
  signal: AbortSignal,
): AsyncGenerator<LogAnswer> {
  const reader = new LogReader(deps, request, signal);
  // Before anything is read: what is printed meanwhile is in one of the two.
  const seat = request.storedOnly
    ? undefined
    : await deps.rooms.enter(request.logId, deps.log).catch((error: Unavailable) => error);
  if (seat === undefined || seat instanceof Error) {
    yield* reader.stored();
    if (seat !== undefined) throw seat;
    return;
  }
  using taken = seat;
  yield* reader.follow(taken);
}

class LogReader {
  readonly #deps: LogStreamDeps;
  readonly #request: LogStreamRequest;
  readonly #signal: AbortSignal;
  /** Up to where what is stored was told. */
  #told: StoredPlace | undefined;
  /** After the last live line that was told. */
  #position = '';

  constructor(deps: LogStreamDeps, request: LogStreamRequest, signal: AbortSignal) {
    this.#deps = deps;
    this.#request = request;
    this.#signal = signal;
  }

  async *stored(): AsyncGenerator<LogAnswer> {
    const { log } = this.#deps;
    const end = endOf(this.#request);
    const { after } = this.#request;
    if (after !== undefined) yield* this.#goOn(after, undefined);
    else this.#told = await beginningOf(log, this.#request, end, this.#signal);
    yield* this.#storedTo(end);
  }

  async *follow({ room, opened }: Seat): AsyncGenerator<LogAnswer> {
    const { after } = this.#request;
    let from: number | undefined;
    const isOpen = room.anchor !== undefined;
    // The room opens with a save, which takes a moment.
    if (after === undefined && !isOpen) yield* this.#tellBeginning();
    const note = await unlessAborted(opened, this.#signal);
    if (note !== '') yield { note };
    if (after !== undefined) from = yield* this.#goOn(after, room);
    else if (isOpen) from = await this.#join(room);
    from ??= yield* this.#upToLive(room);
    yield* this.#live(room, from);
    yield* this.#afterTheRun(room);
  }

  /** Tells the last lines that are stored by now. */
  async *#tellBeginning(): AsyncGenerator<LogAnswer> {
    const { log } = this.#deps;
    try {
      const end = (await log.end(this.#signal)) ?? EARLIEST;
      this.#told = await beginningOf(log, this.#request, end, this.#signal);
      yield* this.#storedTo(end);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof S3Error)) throw error;
      this.#told = undefined;
      yield { note: S3_AWAY };
    }
  }

  /** Where one begins who joins a room that is open: some stored lines before the live ones, or some live ones alone. */
  async #join(room: LogRoom): Promise<number | undefined> {
    const { anchor } = room;
    if (anchor === undefined) return undefined;
    const { lines, first } = room.linesFrom(anchor.from);
    const isWanted = wanting(this.#request);
    let left = this.#request.lines;
    for (let at = lines.length - 1; at >= 0; at -= 1) {
      if (left === 0) return first + at + 1;
      if (isWanted(lines[at]?.text ?? '')) left -= 1;
    }
    const wish = { ...this.#request, lines: left };
    this.#told = await beginningOf(this.#deps.log, wish, anchor.place, this.#signal);
    return undefined;
  }

  /** Finds where a position is; gives the number of the live line that comes after it, if it is one. */
  async *#goOn(after: string, room: LogRoom | undefined): AsyncGenerator<LogAnswer, number | undefined> {
    const { log } = this.#deps;
    const place = readPlace('after', after);
    if (place.offset > (await log.size(place.day, this.#signal))) {
      const days = await log.days(this.#signal);
      if (days.includes(place.day)) throw beyondTheEnd();
      if (place.day !== EARLIEST.day) yield { note: SWEPT };
    }
    // By another process, it may be ahead of what is known here.
    if (room?.anchor !== undefined && comparePlaces(place, room.anchor.place) > 0) await room.tie();
    const going = await locate(log, place, room, this.#signal);
    if (going.kind === 'live') return going.from;
    this.#told = going.place;
    if (going.repeats === true) yield { note: REPEATS };
    return undefined;
  }

  /** Tells what is stored up to where live lines begin; gives the number of the first. */
  async *#upToLive(room: LogRoom): AsyncGenerator<LogAnswer, number> {
    for (;;) {
      if (room.anchor === undefined) await unlessAborted(room.settle(), this.#signal);
      const { anchor } = room;
      if (anchor === undefined) {
        const from = room.end;
        if (this.#told !== undefined) yield { note: HOLE };
        return from;
      }
      if (this.#told === undefined) return anchor.from;
      if (comparePlaces(this.#told, anchor.place) < 0) yield* this.#storedTo(anchor.place);
      // While it was told, so much may have come that live lines begin later by now.
      if (room.keeps(anchor.from)) return anchor.from;
      await room.tie();
    }
  }

  async *#storedTo(to: StoredPlace): AsyncGenerator<LogAnswer> {
    const from = this.#told ?? to;
    for await (const { lines, place } of storedPart(
      this.#deps.log,
      this.#request,
      { from, to },
      this.#signal,
    )) {
      this.#told = place;
      yield { lines, position: placeText(place) };
    }
    if (to.offset !== LATEST.offset) this.#told = to;
  }

  /** Until the run is over, where it is one's. */
  async *#live(room: LogRoom, first: number): AsyncGenerator<LogAnswer> {
    const { overSince } = this.#deps;
    const { levels, text } = this.#request;
    const isAll = levels === undefined && text === undefined;
    const isWanted = wanting({ ...(levels && { levels }), ...(text === undefined ? {} : { text }) });
    let from = first;
    let toldMs = performance.now();
    for (;;) {
      const batch = await room.next(from, this.#signal, overSince === undefined ? HEARTBEAT_MS : RUN_LOOK_MS);
      if (batch !== undefined) {
        from = batch.next;
        this.#position = batch.lines.at(-1)?.position ?? this.#position;
        const lines = isAll ? [] : batch.lines.filter((line) => isWanted(line.text));
        // Unfiltered it is the same object for all, which is encoded once.
        if (isAll) yield batch;
        else if (lines.length > 0) yield { lines, position: this.#position };
        if (isAll || lines.length > 0) toldMs = performance.now();
      }
      if (overSince !== undefined && batch === undefined && (await isOver(overSince))) return;
      if (performance.now() - toldMs < HEARTBEAT_MS - 1) continue;
      yield { heartbeat: true, position: this.#position };
      toldMs = performance.now();
    }
  }

  /** What it printed last is in the log by now, also what was not heard. */
  async *#afterTheRun(room: LogRoom): AsyncGenerator<LogAnswer> {
    await unlessAborted(room.settle(), this.#signal);
    if (this.#position !== '') yield* this.#goOn(this.#position, undefined);
    const toMs = await this.#deps.overSince?.();
    yield* this.#storedTo(endOf({ ...this.#request, ...(toMs === undefined ? {} : { toMs }) }));
  }
}

/** While MongoDB is away nobody knows, and it goes on. */
const isOver = (overSince: () => Promise<number | undefined>): Promise<boolean> =>
  overSince().then(
    (atMs) => atMs !== undefined,
    () => false,
  );

const SWEPT = 'What came after that position is not kept any more; the log goes on with what is.';

const beyondTheEnd = (): InvalidRequest =>
  new InvalidRequest(
    'after',
    'The position is beyond the end of the log',
    'hand back a position as it was given, or leave it out',
    'position_lost',
  );
