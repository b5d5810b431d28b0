import type { S3Client } from '../../../infra/s3/client.ts';
import { BucketMissing, ObjectMissing } from '../../../infra/s3/errors.ts';
import type { StoredPlace } from './place.ts';

/** A stored line and the places before and after it. */
export type StoredLine = { text: string; from: StoredPlace; to: StoredPlace };

export type LogStore = Pick<S3Client, 'stat' | 'piece' | 'list'>;

const PIECE_BYTES = 1 << 20;
const NEWLINE = 0x0a;
const DAY_KEY = /\/(\d{8})\.log$/;

/** The log of one bot or schedule in S3: an object a day, which only grows. A large one costs no more than what is read of it. */
export class StoredLog {
  readonly #store: LogStore;
  readonly #bucket: string;
  readonly #id: string;

  constructor(options: { store: LogStore; bucket: string; id: string }) {
    this.#store = options.store;
    this.#bucket = options.bucket;
    this.#id = options.id;
  }

  /** The days of which there is one, oldest first. */
  async days(signal: AbortSignal): Promise<string[]> {
    try {
      const objects = await this.#store.list(this.#bucket, `logs/${this.#id}/`, { signal });
      return objects.flatMap(({ key }) => DAY_KEY.exec(key)?.[1] ?? []).sort();
    } catch (error) {
      // Nothing was ever saved.
      if (error instanceof BucketMissing) return [];
      throw error;
    }
  }

  /** Its end as it is by now; undefined where there is no log. */
  async end(signal: AbortSignal): Promise<StoredPlace | undefined> {
    const day = (await this.days(signal)).at(-1);
    return day === undefined ? undefined : { day, offset: await this.size(day, signal) };
  }

  /** Of a day's object; 0 where there is none. */
  async size(day: string, signal: AbortSignal): Promise<number> {
    try {
      return (await this.#store.stat(this.#bucket, this.#key(day), { signal })).bytes;
    } catch (error) {
      if (error instanceof ObjectMissing || error instanceof BucketMissing) return 0;
      throw error;
    }
  }

  /** Lines before a place, the last one first. */
  async *backwards(before: StoredPlace, signal: AbortSignal): AsyncGenerator<StoredLine> {
    const days = (await this.days(signal)).filter((day) => day <= before.day).reverse();
    for (const day of days) {
      const size = await this.size(day, signal);
      yield* this.#dayBackwards(day, day === before.day ? Math.min(before.offset, size) : size, signal);
    }
  }

  /** Lines from a place on, up to what is stored when each day is come to, or up to `end`. */
  async *forwards(
    from: StoredPlace,
    signal: AbortSignal,
    end: StoredPlace | undefined = undefined,
  ): AsyncGenerator<StoredLine> {
    const days = (await this.days(signal)).filter(
      (day) => day >= from.day && (end === undefined || day <= end.day),
    );
    for (const day of days) {
      const size = await this.size(day, signal);
      const to = day === end?.day ? Math.min(size, end.offset) : size;
      yield* this.#dayForwards(day, day === from.day ? from.offset : 0, to, signal);
    }
  }

  async *#dayBackwards(day: string, end: number, signal: AbortSignal): AsyncGenerator<StoredLine> {
    /** Of a line whose beginning is not read yet, as it came: pieces in order from the end. */
    let rest: Buffer[] = [];
    let lineEnd = end;
    let readTo = end;
    const line = (start: number, first: Buffer): StoredLine[] => {
      const text = Buffer.concat([first, ...rest]).toString('utf8');
      const found = { text, from: { day, offset: start }, to: { day, offset: lineEnd } };
      rest = [];
      lineEnd = start;
      return text === '' ? [] : [found];
    };
    while (readTo > 0) {
      const from = Math.max(0, readTo - PIECE_BYTES);
      const piece = await this.#piece(day, from, readTo, signal);
      readTo = from;
      let end = piece.length;
      for (let at = piece.lastIndexOf(NEWLINE); at >= 0; at = lastNewlineBefore(piece, at)) {
        yield* line(from + at + 1, piece.subarray(at + 1, end));
        end = at;
      }
      rest = [piece.subarray(0, end), ...rest];
    }
    yield* line(0, Buffer.alloc(0));
  }

  async *#dayForwards(
    day: string,
    from: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoredLine> {
    let rest: Buffer[] = [];
    let lineStart = from;
    for (let at = from; at < end; at += PIECE_BYTES) {
      const piece = await this.#piece(day, at, Math.min(end, at + PIECE_BYTES), signal);
      let start = 0;
      for (let newline = piece.indexOf(NEWLINE); newline >= 0; newline = piece.indexOf(NEWLINE, start)) {
        const text = Buffer.concat([...rest, piece.subarray(start, newline)]).toString('utf8');
        start = newline + 1;
        const to = { day, offset: at + start };
        if (text !== '') yield { text, from: { day, offset: lineStart }, to };
        rest = [];
        lineStart = at + start;
      }
      rest.push(piece.subarray(start));
    }
    const last = Buffer.concat(rest).toString('utf8');
    if (last !== '') yield { text: last, from: { day, offset: lineStart }, to: { day, offset: end } };
  }

  #piece(day: string, from: number, to: number, signal: AbortSignal): Promise<Buffer> {
    return this.#store.piece(this.#bucket, this.#key(day), { from, bytes: to - from, signal });
  }

  #key(day: string): string {
    return `logs/${this.#id}/${day}.log`;
  }
}

const lastNewlineBefore = (piece: Buffer, at: number): number =>
  at === 0 ? -1 : piece.lastIndexOf(NEWLINE, at - 1);
