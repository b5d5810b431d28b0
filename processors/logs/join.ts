import type { LogLine } from '../../infra/engine/port.ts';
import {
  LOG_STREAMS,
  type ContainerCursor,
  type CutLine,
  type LogStream,
  type Mark,
} from '../../model/log-cursor.ts';
import { markOf, type Place } from './seek.ts';

/** A line of output. `cut`: only its beginning, the rest is passed over. */
export type OutputLine = { raw: Buffer; time: string; cut: boolean };

/** A line that is not at its end. */
type Begun = { time: string; pieces: Buffer[]; bytes: number; full: boolean; from: Place | null };

const NEWLINE = 10;
/** The engine cuts what has no newline for so long, and goes on in the next entry. */
const PIECE_BYTES = 16 * 1024;

/** Joins entries to lines, each stream for itself, and knows up to which entry everything was taken. */
export class Joiner {
  readonly #maxBytes: number;
  readonly #begun: Partial<Record<LogStream, Begun>> = {};
  readonly #cut: Partial<Record<LogStream, CutLine>>;
  readonly #after: Record<LogStream, Mark | null | Place>;

  constructor(cursor: ContainerCursor, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#cut = { ...cursor.cut };
    this.#after = { ...cursor.after };
  }

  /** Takes an entry that is new; `before` stands before it in the engine's file, whatever its stream. */
  take({ stream, time, data }: LogLine, before: Place | null): OutputLine[] {
    const lines: OutputLine[] = [];
    let begun = this.#begun[stream];
    if (begun !== undefined && !goesOn(begun, time)) {
      // Its program ended without a newline, and another began.
      lines.push(lineOf(begun));
      begun = undefined;
    }
    let cut = this.#cut[stream];
    if (cut !== undefined && !goesOn(cut, time)) cut = undefined;
    const full = data.length >= PIECE_BYTES;
    for (let at = 0; at < data.length;) {
      const newline = data.indexOf(NEWLINE, at);
      const end = newline < 0 ? data.length : newline;
      if (cut === undefined) {
        begun ??= { time, pieces: [], bytes: 0, full, from: before };
        begun.pieces.push(data.subarray(at, end));
        begun.bytes += end - at;
        begun.full = full;
        if (begun.bytes > this.#maxBytes) {
          lines.push({ ...lineOf(begun, this.#maxBytes), cut: true });
          begun = undefined;
          cut = { time, full };
        }
      } else cut = { time, full };
      if (newline < 0) break;
      if (begun !== undefined) lines.push(lineOf(begun));
      begun = cut = undefined;
      at = newline + 1;
    }
    setOrDelete(this.#begun, stream, begun);
    setOrDelete(this.#cut, stream, cut);
    return lines;
  }

  /** Everything up to this entry was told, of those streams: what they wait with is known by its beginning. */
  passed(place: Place, streams: readonly LogStream[]): void {
    for (const stream of streams) this.#after[stream] = place;
  }

  get waiting(): boolean {
    return LOG_STREAMS.some((stream) => this.#begun[stream] !== undefined);
  }

  /** The container has ended: what has no newline will get none. */
  end(): OutputLine[] {
    return LOG_STREAMS.flatMap((stream) => {
      const begun = this.#begun[stream];
      delete this.#begun[stream];
      return begun === undefined ? [] : [lineOf(begun)];
    });
  }

  cursor(): ContainerCursor {
    const after = (stream: LogStream): Mark | null => {
      const begun = this.#begun[stream];
      const at = begun === undefined ? this.#after[stream] : begun.from;
      return at !== null && 'entry' in at ? markOf(at) : at;
    };
    return { after: { stdout: after('stdout'), stderr: after('stderr') }, cut: { ...this.#cut } };
  }
}

/** The engine gives all pieces of a line the time of its first; a full piece goes on in any case. */
const goesOn = (line: { time: string; full: boolean }, time: string): boolean =>
  line.full || line.time === time;

function lineOf({ pieces, time }: Begun, maxBytes?: number): OutputLine {
  const raw = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  return { raw: maxBytes === undefined ? raw : raw.subarray(0, maxBytes), time, cut: false };
}

function setOrDelete<K extends string, V>(record: Partial<Record<K, V>>, key: K, value: V | undefined): void {
  if (value === undefined) delete record[key];
  else record[key] = value;
}
