import { createHash } from 'node:crypto';
import { sameness } from '../../../model/read-line.ts';
import { placeText, type StoredPlace } from './place.ts';

/** `position`: to go on after it; empty while nothing stored is known that comes before it. */
export type LiveLine = { text: string; like: string; position: string };

/** What is kept of what came live, at most. */
export type LiveBounds = { lines: number; bytes: number };

/** The same for lines that say the same. */
export const likeOf = (line: string): string =>
  createHash('sha1').update(sameness(line)).digest('base64url').slice(0, 10);

type Anchor = { place: StoredPlace; from: number; counts: Map<string, number> };

/**
 * The last live lines of one log, numbered from 0 on, in bounded space. They are tied to what is stored by an *anchor*: a
 * stored place, and the number of the first live line that comes after it. So each line has a position that holds in any
 * process and at any later time: the how manieth of its like after the anchor's place.
 */
export class LiveLines {
  readonly #bounds: LiveBounds;
  #lines: LiveLine[] = [];
  /** Number of the first line that is kept. */
  #first = 0;
  #bytes = 0;
  #anchor: Anchor | undefined;

  constructor(bounds: LiveBounds) {
    this.#bounds = bounds;
  }

  get first(): number {
    return this.#first;
  }

  /** Number of the line that comes next. */
  get end(): number {
    return this.#first + this.#lines.length;
  }

  /** Undefined: what is stored and what came live are not tied to each other, or some of what came since is not kept. */
  get anchor(): { place: StoredPlace; from: number } | undefined {
    return this.#anchor === undefined || this.#anchor.from < this.#first ? undefined : this.#anchor;
  }

  add(text: string): void {
    const like = likeOf(text);
    this.#lines.push({ text, like, position: this.#positionOf(like) });
    this.#bytes += text.length;
    while (this.#lines.length > this.#bounds.lines || this.#bytes > this.#bounds.bytes) {
      this.#bytes -= this.#lines.shift()?.text.length ?? 0;
      this.#first += 1;
    }
  }

  /** From one number on and before another; what is not kept any more is left out. */
  slice(from: number, to = this.end): LiveLine[] {
    return this.#lines.slice(Math.max(0, from - this.#first), to - this.#first);
  }

  /** Ties those from a number on to a stored place; their positions are by it from now on. */
  tie(place: StoredPlace, from: number): void {
    this.#anchor = { place, from, counts: new Map() };
    for (const line of this.slice(from)) line.position = this.#positionOf(line.like);
  }

  untie(): void {
    this.#anchor = undefined;
  }

  #positionOf(like: string): string {
    const anchor = this.#anchor;
    if (anchor === undefined) return '';
    const count = (anchor.counts.get(like) ?? 0) + 1;
    anchor.counts.set(like, count);
    return placeText({ ...anchor.place, like, count });
  }
}

/** Lines that agree before the last one, for it to be taken for the same. */
const CONTEXT = 8;

/**
 * How many of the live lines are the end of what is stored, where nothing is known but that end: as few as may be, since
 * what is told twice harms less than what is not told at all.
 */
export function overlapOf(stored: readonly string[], live: readonly string[]): number {
  for (let count = 1; count <= live.length; count += 1) {
    const compared = Math.min(count, stored.length, CONTEXT);
    const agree = Array.from({ length: compared }, (_, back) => back).every(
      (back) => live[count - 1 - back] === stored[stored.length - 1 - back],
    );
    if (compared > 0 && agree) return count;
  }
  return 0;
}

/**
 * How many of the live lines are stored by now, where both begin at the same line: up to the last one that is found. What was
 * told live alone, such as a mark of the follower's, is passed over.
 */
export function storedOf(stored: readonly string[], live: readonly string[]): number {
  const left = new Map<string, number>();
  for (const like of stored) left.set(like, (left.get(like) ?? 0) + 1);
  let last = 0;
  for (const [at, like] of live.entries()) {
    const count = left.get(like) ?? 0;
    if (count === 0) continue;
    left.set(like, count - 1);
    last = at + 1;
  }
  return last;
}
