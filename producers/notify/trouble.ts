import { stamp } from '../control/explain/words.ts';
import type { Trouble } from './sender.ts';

/** For people: which receivers take nothing, since when, and why; undefined: all take what they are sent. */
export function troubleText(troubles: ReadonlyMap<string, Trouble>): string | undefined {
  if (troubles.size === 0) return undefined;
  return [...troubles]
    .map(
      ([name, { problem, since }]) =>
        `${name} has taken nothing since ${stamp(since)} (${problem}); it is tried again`,
    )
    .join('; ');
}
