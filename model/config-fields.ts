import { durationText, parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import { shown } from './shown.ts';

/**
 * Readers of the fields of somebody's config. Each returns the value, or undefined after it has said into `problems` which
 * field it is, what is wrong with its value, and what would be right. `field` is the whole path: `config.timeout`.
 */

/** Null is how some clients write "not set". */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Whether the value is an object with keys, as JSON knows it. */
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Milliseconds. `most`: undefined where nothing is too long. */
export function readDuration(
  problems: string[],
  field: string,
  value: unknown,
  bounds: { least: number; most?: number },
): number | undefined {
  const example = 'write it like "90s" or "1h30m", or as a number of seconds';
  const ms = parseDuration(value);
  if (ms === undefined) problems.push(`${field} is ${shown(value)}, which is no duration: ${example}`);
  else if (ms < bounds.least)
    problems.push(
      `${field} is ${shown(value)}: at least ${durationText(bounds.least)} is needed; ${example}`,
    );
  else if (bounds.most !== undefined && ms > bounds.most)
    problems.push(`${field} is ${shown(value)}: at most ${durationText(bounds.most)} is allowed`);
  else return ms;
  return undefined;
}

/** `otherwise`: what may be written instead of a number, as the end of a sentence. */
export function readCount(
  problems: string[],
  field: string,
  value: unknown,
  { least, most, otherwise = '' }: { least: number; most: number; otherwise?: string },
): number | undefined {
  const whole = typeof value === 'number' && Number.isInteger(value);
  if (!whole || value < least)
    problems.push(
      `${field} is ${shown(value)}: write a whole number from ${least} to ${most}${typeof value === 'string' ? ', without quotes' : ''}${otherwise}`,
    );
  else if (value > most) problems.push(`${field} is ${value}: at most ${most} is allowed`);
  else return value;
  return undefined;
}

export function readChoice<Word extends string>(
  problems: string[],
  field: string,
  value: unknown,
  words: readonly Word[],
): Word | undefined {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined)
    problems.push(
      `${field} is ${shown(value)}: ${didYouMean(value, words)}it can be ${wordList(words, 'or')}`,
    );
  return word;
}

/** The object as a record of its known keys. An unknown one is a problem: it is most likely a typing mistake. */
export function readObject<Key extends string>(
  problems: string[],
  field: string,
  value: object,
  keys: readonly Key[],
): Partial<Record<Key, unknown>> {
  const unknown = Object.keys(value).filter((key) => !keys.some((known) => known === key));
  const [first] = unknown;
  if (first !== undefined)
    problems.push(
      `${field} has ${unknown.length === 1 ? 'an unknown key' : `${unknown.length} unknown keys, the first`} ` +
        `(${shown(first)}): ${didYouMean(first, keys)}it can hold ${wordList(keys, 'and')}`,
    );
  return value;
}

function didYouMean(value: unknown, words: readonly string[]): string {
  const meant = typeof value === 'string' ? nearest(value, words) : undefined;
  return meant === undefined ? '' : `did you mean ${JSON.stringify(meant)}? Else `;
}

/** `"a", "b" or "c"`. */
export function wordList(words: readonly string[], last: 'and' | 'or'): string {
  const quoted = words.map((word) => JSON.stringify(word));
  const end = quoted.at(-1) ?? '';
  return quoted.length < 2 ? end : `${quoted.slice(0, -1).join(', ')} ${last} ${end}`;
}
