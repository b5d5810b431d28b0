import { InvalidArgumentError, Option } from 'commander';
import { lookOf, type Look } from '../show/table.ts';

/** What several commands have in common. */

export const jsonFlag = (): Option => new Option('--json', 'as JSON');

/** How to write to this terminal. */
export const look = (): Look => lookOf(process.stdout, Date.now());

export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

/** For options that take a whole number. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    return value;
  };

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** A time, or that of the installation once it is known: this terminal's clock may be wrong. */
export type Moment = Date | 'now';

/**
 * For options that take a time. One without its zone is refused: the terminal's, the schedule's and UTC could all be
 * meant. A date alone is its beginning in UTC.
 */
export function moment(text: string): Moment {
  if (text === 'now') return text;
  const value = new Date(text);
  if (!ISO.test(text) || Number.isNaN(value.getTime()))
    throw new InvalidArgumentError(
      'Expected a time with its zone, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00+01:00, a date (its beginning in UTC), or now.',
    );
  return value;
}

/** For options that take several of some words, separated by commas. */
export const wordsOf =
  <Word extends string>(what: string, known: readonly Word[]) =>
  (text: string): Word[] => {
    const given = [
      ...new Set(
        text
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== ''),
      ),
    ];
    const found = known.filter((name) => given.includes(name));
    const unknown = given.find((name) => !(known as readonly string[]).includes(name));
    if (unknown !== undefined)
      throw new InvalidArgumentError(
        `There is no ${what} ${JSON.stringify(unknown)}; there are ${known.join(', ')}.`,
      );
    if (found.length === 0) throw new InvalidArgumentError(`Name at least one of ${known.join(', ')}.`);
    return found;
  };

/** The same as an option; shells complete its words. */
export const wordsFlag = <Word extends string>(
  flags: string,
  about: string,
  what: string,
  known: readonly Word[],
): Option => new Option(flags, `${about}, comma-separated`).choices(known).argParser(wordsOf(what, known));
