import type { Logger } from '../../infra/logger.ts';
import type { S3Client } from '../../infra/s3/client.ts';
import type { S3Conditional } from '../../infra/s3/conditional.ts';
import { ObjectMissing } from '../../infra/s3/errors.ts';
import type { HonouredConditions } from '../../infra/s3/probe.ts';
import { APPENDABLE_BYTES } from '../../model/flush-policy.ts';
import { decodeCursor, EMPTY_CURSOR, encodeCursor, type LogCursor } from '../../model/log-cursor.ts';

/** Where a bot's log is: the day's object as it was found, or one that is still to be made (`etag` null). */
export type LogPlace = {
  id: string;
  /** `YYYYMMDD`; undefined: the bot has no log yet. */
  day: string | undefined;
  etag: string | null;
  bytes: number;
  cursor: LogCursor;
};

export const logKey = (id: string, day: string): string => `logs/${id}/${day}.log`;

const CURSOR = 'the0-cursor';
const CONTENT_TYPE = 'text/plain';
const NEWLINE = 10;
const DAY_KEY = /\/(\d{8})\.log$/;

/** As much of S3 as logs need. */
export type LogStorage = Pick<S3Client, 'stat' | 'list'> & {
  conditional: Pick<S3Conditional, 'read' | 'write' | 'append'>;
};

export type LogObjectsOptions = {
  s3: LogStorage;
  bucket: string;
  conditions: HonouredConditions;
  log: Logger;
  onUploaded: (bytes: number) => void;
  onCopied: (bytes: number) => void;
};

/**
 * The log of a bot in S3: one object a day, of which the newest says in its metadata how far the bot's output was taken.
 * Before a day's first object is made, the one before is closed: its metadata names the next day, and it is made anew from
 * itself in one part, which gives it another etag. So a writer that still takes it for the newest fails.
 */
export class LogObjects {
  readonly #options: LogObjectsOptions;

  constructor(options: LogObjectsOptions) {
    this.#options = options;
  }

  /** The newest object. `hint` is a day that may have one, which saves a listing. */
  async find(id: string, hint: string | undefined, signal: AbortSignal): Promise<LogPlace> {
    const hinted = hint === undefined ? undefined : await this.#at(id, hint, signal);
    if (hinted !== undefined) return this.#follow(hinted, signal);
    const newest = await this.#newestDay(id, signal);
    const found = newest === undefined ? undefined : await this.#at(id, newest, signal);
    if (found !== undefined) return this.#follow(found, signal);
    return { id, day: undefined, etag: null, bytes: 0, cursor: EMPTY_CURSOR };
  }

  /** Adds to the object, and moves the cursor. @throws ConditionFailed when another did so since `place` was found. */
  async append(
    place: LogPlace,
    day: string,
    tail: Buffer,
    cursor: LogCursor,
    signal: AbortSignal,
  ): Promise<LogPlace> {
    const { id, bytes } = place;
    if (place.etag !== null && bytes >= APPENDABLE_BYTES) {
      const etag = await this.#extend({ ...place, etag: place.etag, day }, tail, cursor, signal);
      return { id, day, etag, bytes: bytes + tail.length, cursor };
    }
    const content =
      place.etag === null ? tail : Buffer.concat([await this.#read(place.etag, id, day, signal), tail]);
    const { s3, bucket, conditions } = this.#options;
    const honoured = place.etag === null ? conditions.create : conditions.replace;
    const { etag } = await s3.conditional.write(bucket, logKey(id, day), content, {
      contentType: CONTENT_TYPE,
      metadata: { [CURSOR]: encodeCursor(cursor) },
      ...(honoured ? { ifEtag: place.etag } : {}),
      signal,
    });
    this.#options.onUploaded(content.length);
    return { id, day, etag, bytes: content.length, cursor };
  }

  /** Ends a day's object, and gives the place of the next. @throws ConditionFailed */
  async close(place: LogPlace, next: string, signal: AbortSignal): Promise<LogPlace> {
    if (place.etag !== null && place.day !== undefined)
      await this.#extend(
        { ...place, etag: place.etag, day: place.day },
        Buffer.alloc(0),
        { ...place.cursor, next },
        signal,
      );
    return begin(place, next);
  }

  async #extend(
    { id, day, etag, bytes }: LogPlace & { etag: string; day: string },
    tail: Buffer,
    cursor: LogCursor,
    signal: AbortSignal,
  ): Promise<string> {
    const { s3, bucket, conditions } = this.#options;
    const extended = await s3.conditional.append(bucket, logKey(id, day), tail, {
      contentType: CONTENT_TYPE,
      metadata: { [CURSOR]: encodeCursor(cursor) },
      etag,
      bytes,
      ...(conditions.complete ? { ifEtag: etag } : {}),
      signal,
    });
    this.#options.onUploaded(tail.length);
    this.#options.onCopied(bytes);
    return extended.etag;
  }

  async #read(etag: string, id: string, day: string, signal: AbortSignal): Promise<Buffer> {
    const { s3, bucket } = this.#options;
    const { content } = await s3.conditional.read(bucket, logKey(id, day), {
      etag,
      maxBytes: APPENDABLE_BYTES,
      signal,
    });
    // Ours always do; another's last line must not be joined with our first.
    return content.length === 0 || content.at(-1) === NEWLINE
      ? content
      : Buffer.concat([content, Buffer.of(NEWLINE)]);
  }

  /** From a closed day to the one that goes on. */
  async #follow(place: LogPlace, signal: AbortSignal): Promise<LogPlace> {
    let at = place;
    while (at.cursor.next !== undefined) {
      const next = at.cursor.next;
      const found = await this.#at(at.id, next, signal);
      if (found === undefined) return begin(at, next);
      at = found;
    }
    return at;
  }

  async #at(id: string, day: string, signal: AbortSignal): Promise<LogPlace | undefined> {
    const { s3, bucket } = this.#options;
    try {
      const { etag, bytes, metadata } = await s3.stat(bucket, logKey(id, day), { signal });
      return { id, day, etag, bytes, cursor: this.#cursorIn(metadata[CURSOR], id, day) };
    } catch (error) {
      if (error instanceof ObjectMissing) return undefined;
      throw error;
    }
  }

  /** A log of the runtime before this one has none: it is gone on with. */
  #cursorIn(text: string | undefined, id: string, day: string): LogCursor {
    if (text === undefined) return EMPTY_CURSOR;
    try {
      return decodeCursor(text);
    } catch (error) {
      this.#options.log.warn(
        { botId: id, day, error },
        'cursor of a log not readable: what the engine has is told again',
      );
      return EMPTY_CURSOR;
    }
  }

  async #newestDay(id: string, signal: AbortSignal): Promise<string | undefined> {
    const { s3, bucket } = this.#options;
    try {
      const found = await s3.list(bucket, `logs/${id}/`, { signal });
      return found
        .flatMap(({ key }) => DAY_KEY.exec(key)?.[1] ?? [])
        .sort()
        .at(-1);
    } catch (error) {
      if (error instanceof ObjectMissing) return undefined;
      throw error;
    }
  }
}

/** The place of a day that has no object yet. What was left out is counted by the day. */
function begin({ id, cursor }: LogPlace, day: string): LogPlace {
  const { containers, rate } = cursor;
  return {
    id,
    day,
    etag: null,
    bytes: 0,
    cursor: { ...EMPTY_CURSOR, containers, ...(rate === undefined ? {} : { rate }) },
  };
}
