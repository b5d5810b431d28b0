/**
 * How far the output of a bot's containers was taken into its log. It is kept in the metadata of the log itself, so one
 * conditional write moves both. What was taken is found again by order, not by comparing times: an entry of stderr may be
 * stamped before one of stdout and stand behind it, and clocks step.
 */
export type LogStream = 'stdout' | 'stderr';
export const LOG_STREAMS: readonly LogStream[] = ['stdout', 'stderr'];

/** An entry of a container's output: the `nth` of those in a row that carry this time in its stream. */
export type Mark = { stream: LogStream; time: string; nth: number; hash: string };

/** A line longer than the limit, of which the rest is passed over: it goes on with pieces of this time. */
export type CutLine = { time: string; full: boolean };

export type ContainerCursor = {
  /** Entries of each stream behind this one (of either stream) are still to be taken; null: all of them. */
  after: Readonly<Record<LogStream, Mark | null>>;
  cut: Readonly<Partial<Record<LogStream, CutLine>>>;
};

export type LogCursor = {
  /** By the first twelve digits of the container's id. */
  containers: Readonly<Record<string, ContainerCursor>>;
  /** What is left of the rate limit's burst, at which time of the bot's output. Absent: all of it. */
  rate?: { bytes: number; atMs: number };
  /** Left out for a limit, this day. */
  left: { lines: number; bytes: number };
  /** The day's limit is reached, and the log says so. */
  full: boolean;
  /** Nothing comes to this log any more: the next day that has one, `YYYYMMDD`. */
  next?: string;
};

/** S3 takes 2 KB of user metadata in all. */
export const MAX_CURSOR_BYTES = 1_900;

export const EMPTY_CURSOR: LogCursor = { containers: {}, left: { lines: 0, bytes: 0 }, full: false };

export const cursorId = (containerId: string): string => containerId.slice(0, 12);

/** The cursor's text is of another version, or no cursor. */
export class CursorUnreadable extends Error {
  override readonly name = 'CursorUnreadable';
}

/** Short ASCII text, fit for a header. */
export function encodeCursor(cursor: LogCursor): string {
  return JSON.stringify({
    v: 1,
    c: Object.entries(cursor.containers).map(([id, { after, cut }]) => {
      const marks = [encodeMark(after.stdout), encodeMark(after.stderr)];
      const cuts = LOG_STREAMS.map((stream) => encodeCut(cut[stream]));
      return [
        id,
        ...(marks[0] === marks[1] ? marks.slice(0, 1) : marks),
        ...(cuts.join('') === '' ? [] : [cuts]),
      ];
    }),
    ...(cursor.rate === undefined ? {} : { r: [Math.floor(cursor.rate.bytes), cursor.rate.atMs] }),
    ...(cursor.left.lines === 0 ? {} : { l: [cursor.left.lines, cursor.left.bytes] }),
    ...(cursor.full ? { f: 1 } : {}),
    ...(cursor.next === undefined ? {} : { n: cursor.next }),
  });
}

/** @throws CursorUnreadable */
export function decodeCursor(text: string): LogCursor {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (value['v'] !== 1)
      throw new CursorUnreadable(`Version ${String(value['v'])} of the log's cursor is not known`);
    const rate = numbers(value['r']);
    const left = numbers(value['l']);
    return {
      containers: Object.fromEntries(list(value['c']).map(decodeContainer)),
      ...(rate === undefined ? {} : { rate: { bytes: rate[0], atMs: rate[1] } }),
      left: left === undefined ? { lines: 0, bytes: 0 } : { lines: left[0], bytes: left[1] },
      full: value['f'] === 1,
      ...(typeof value['n'] === 'string' ? { next: value['n'] } : {}),
    };
  } catch (error) {
    if (error instanceof CursorUnreadable) throw error;
    throw new CursorUnreadable('The cursor of the log cannot be read', { cause: error });
  }
}

function decodeContainer(value: unknown): [string, ContainerCursor] {
  const [id, ...rest] = list(value);
  const cuts = rest.find(Array.isArray) as unknown[] | undefined;
  const [first, second = first] = rest.filter((item) => typeof item === 'string').map(decodeMark);
  if (typeof id !== 'string' || first === undefined || second === undefined)
    throw new CursorUnreadable('No container');
  const cut: Partial<Record<LogStream, CutLine>> = {};
  for (const [index, stream] of LOG_STREAMS.entries()) {
    const found = cuts?.[index];
    if (typeof found === 'string' && found !== '')
      cut[stream] = { time: decodeTime(found.replace('+', '')), full: found.endsWith('+') };
  }
  return [id, { after: { stdout: first, stderr: second }, cut }];
}

const encodeCut = (cut: CutLine | undefined): string =>
  cut === undefined ? '' : `${encodeTime(cut.time)}${cut.full ? '+' : ''}`;

/** `o` or `e`, time, hash, and which of those of one time if not the first. */
function encodeMark(mark: Mark | null): string {
  if (mark === null) return '-';
  const nth = mark.nth === 1 ? '' : `.${mark.nth}`;
  return `${mark.stream === 'stdout' ? 'o' : 'e'}${encodeTime(mark.time)}.${mark.hash}${nth}`;
}

const MARK = /^([oe])([0-9a-z]+)\.([0-9a-f]+)(?:\.(\d+))?$/;

function decodeMark(text: string): Mark | null {
  if (text === '-') return null;
  const [, stream, time, hash, nth = '1'] = MARK.exec(text) ?? [];
  if (time === undefined || hash === undefined) throw new CursorUnreadable(`"${text}" marks no entry`);
  return { stream: stream === 'o' ? 'stdout' : 'stderr', time: decodeTime(time), nth: Number(nth), hash };
}

const NANOS = 1_000_000_000n;

/** Nanoseconds since the epoch, with base 36. */
function encodeTime(time: string): string {
  const seconds = BigInt(Date.parse(`${time.slice(0, 19)}Z`)) / 1000n;
  return (seconds * NANOS + BigInt(time.slice(20, 29))).toString(36);
}

function decodeTime(text: string): string {
  let nanos = 0n;
  for (const digit of text) nanos = nanos * 36n + BigInt(Number.parseInt(digit, 36));
  const seconds = new Date(Number(nanos / NANOS) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanos % NANOS).padStart(9, '0')}Z`;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new CursorUnreadable('A list is missing');
  return value as unknown[];
}

function numbers(value: unknown): [number, number] | undefined {
  if (value === undefined) return undefined;
  const [first, second] = list(value).map(Number);
  if (first === undefined || second === undefined || !Number.isFinite(first + second))
    throw new CursorUnreadable('A number is missing');
  return [first, second];
}
