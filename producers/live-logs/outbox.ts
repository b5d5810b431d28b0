import type { LogPosition } from '../../infra/mongo/collections.ts';
import { MARKS } from './marks.ts';

/** One message to be published: whole entries, and where the container's output is told up to with it. */
export type Chunk = { payload: Buffer; pieces: readonly Piece[] };

type Piece = { data: Buffer; position?: LogPosition; atMs?: number };

/** Bytes that may wait in all, shared by every outbox. */
export class Budget {
  readonly #limit: number;
  #used = 0;
  constructor(limit: number) {
    this.#limit = limit;
  }
  add(bytes: number): void {
    this.#used += bytes;
  }
  get isExceeded(): boolean {
    return this.#used > this.#limit;
  }
}

const NEWLINE = 10;

/** A container's output on its way to NATS: in order, in bounded space; what has to go to make room is counted and told. */
export class Outbox {
  readonly #budget: Budget;
  readonly #limit: number;
  readonly #onLost: (bytes: number) => void;
  #pieces: Piece[] = [];
  #bytes = 0;
  #gap = { bytes: 0, lines: 0 };
  /** The last byte taken did not end a line: a line of ours needs a newline before it. */
  #withinLine = false;

  constructor(options: { budget: Budget; limitBytes: number; onLost?: (bytes: number) => void }) {
    this.#budget = options.budget;
    this.#limit = options.limitBytes;
    this.#onLost = options.onLost ?? (() => undefined);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#gap.bytes === 0;
  }

  /** `atMs`: when the engine had it, for the figures. */
  add(data: Buffer, position: LogPosition, atMs: number): void {
    this.#push({ data, position, atMs });
  }

  /** A line of ours, after what is there already. */
  mark(text: string): void {
    const before = this.#pieces.at(-1);
    const within = before === undefined ? this.#withinLine : !endsLine(before.data);
    this.#push({ data: Buffer.from(within ? `\n${text}` : text) });
  }

  /** The next message of at most so many bytes (more only for a single entry that is longer), cut at the end of a line if it can be. */
  take(maxBytes: number): Chunk | undefined {
    this.#tellGap();
    let bytes = 0;
    let count = 0;
    for (const { data } of this.#pieces) {
      if (count > 0 && bytes + data.length > maxBytes) break;
      bytes += data.length;
      count += 1;
    }
    if (count === 0) return undefined;
    if (count < this.#pieces.length) count = lastLineEnd(this.#pieces, count) ?? count;
    const pieces = this.#pieces.splice(0, count);
    const payload =
      pieces.length === 1 ? (pieces[0] as Piece).data : Buffer.concat(pieces.map(({ data }) => data));
    this.#count(-payload.length);
    this.#withinLine = !endsLine(payload);
    return { payload, pieces };
  }

  /** What may not have arrived goes out again, before anything else, and says so. */
  giveBack(chunk: Chunk): void {
    const again = chunk.pieces.filter(({ data }) => !isRepeatMark(data));
    const pieces = [{ data: Buffer.from(MARKS.notConfirmed) }, ...again];
    this.#pieces.unshift(...pieces);
    this.#count(pieces.reduce((sum, { data }) => sum + data.length, 0));
    this.#makeRoom();
  }

  /** Nobody will publish it any more. */
  clear(): void {
    this.#count(-this.#bytes);
    this.#pieces = [];
  }

  #push(piece: Piece): void {
    this.#pieces.push(piece);
    this.#count(piece.data.length);
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#bytes <= this.#limit && !this.#budget.isExceeded) return;
    // Half at once: what goes piece by piece would cost the length of the list each time.
    let going = 0;
    let bytes = 0;
    while (going < this.#pieces.length - 1 && bytes < this.#bytes / 2) {
      const { data, position } = this.#pieces[going++] as Piece;
      bytes += data.length;
      if (position === undefined) continue;
      this.#gap.bytes += data.length;
      this.#gap.lines += endsLine(data) ? 1 : 0;
    }
    this.#pieces = this.#pieces.slice(going);
    this.#count(-bytes);
    this.#onLost(bytes);
  }

  #tellGap(): void {
    const { bytes, lines } = this.#gap;
    if (bytes === 0) return;
    this.#gap = { bytes: 0, lines: 0 };
    const data = Buffer.from(`${this.#withinLine ? '\n' : ''}${MARKS.gap(bytes, lines)}`);
    this.#pieces.unshift({ data });
    this.#count(data.length);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.add(bytes);
  }
}

const endsLine = (data: Buffer): boolean => data.at(-1) === NEWLINE;
const isRepeatMark = (data: Buffer): boolean => data.toString() === MARKS.notConfirmed;

/** How many of the first `count` pieces there are up to the last one that ends a line. */
function lastLineEnd(pieces: readonly Piece[], count: number): number | undefined {
  for (let at = count; at > 0; at--) if (endsLine((pieces[at - 1] as Piece).data)) return at;
  return undefined;
}
