import type { LogLine } from '../../infra/engine/port.ts';
import type { LogPosition, LogStreamPosition } from '../../infra/mongo/collections.ts';

type Place = Pick<LogLine, 'stream' | 'time'>;

/** One stream's entry may be stamped before another's and written after it, but not by that much. */
const DISORDER_MS = 2_000;

/** The position after one more entry. Parts of one long line all have its time, so equal times are counted. */
export function advance(position: LogPosition, { stream, time }: Place): LogPosition {
  const last = position[stream];
  return { ...position, [stream]: { time, count: last?.time === time ? last.count + 1 : 1 } };
}

/** Time of the last entry on either stream. */
export function newestTime({ stdout, stderr }: LogPosition): string | undefined {
  if (stdout === undefined || stderr === undefined) return (stdout ?? stderr)?.time;
  return stdout.time > stderr.time ? stdout.time : stderr.time;
}

/** From when on the engine has to tell again, so that nothing after the position is missed. */
export function rereadFrom(position: LogPosition): string | undefined {
  const newest = newestTime(position);
  if (newest === undefined) return undefined;
  const ms = Math.max(0, Date.parse(newest) - DISORDER_MS);
  // The engine's digits below the millisecond do not matter here.
  return `${new Date(ms).toISOString().slice(0, -1)}000000Z`;
}

/** It was told, and so was everything before it: others of its stream came after it. */
export function isBefore({ stream, time }: Place, position: LogPosition): boolean {
  const last = position[stream];
  return last !== undefined && time < last.time;
}

/**
 * Tells, of entries that the engine tells again, those that are new. Each stream is in order by itself, so the first new one
 * of a stream is followed by new ones only.
 */
export class Told {
  readonly #from: LogPosition;
  readonly #over = { stdout: false, stderr: false };
  readonly #alike = { stdout: 0, stderr: 0 };

  constructor(position: LogPosition) {
    this.#from = position;
  }

  isNew({ stream, time }: Place): boolean {
    if (this.#over[stream]) return true;
    const last: LogStreamPosition | undefined = this.#from[stream];
    if (last !== undefined) {
      if (time < last.time) return false;
      if (time === last.time && this.#alike[stream] < last.count) {
        this.#alike[stream] += 1;
        return false;
      }
    }
    this.#over[stream] = true;
    return true;
  }
}
