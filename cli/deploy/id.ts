import { createHash, randomInt } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const ALPHABET = `${LETTERS}0123456789`;
const LENGTH = 24;

/** A bot id as the platform makes them: 24 of `[a-z0-9]`, the first a letter. `pick(n)`: a random integer below n. */
export function newBotId(pick: (below: number) => number = randomInt): string {
  const rest = Array.from({ length: LENGTH - 1 }, () => ALPHABET[pick(ALPHABET.length)] ?? 'a');
  return (LETTERS[pick(LETTERS.length)] ?? 'a') + rest.join('');
}

/** The definition's id: the same for every deployment of one owner's bot of that name, as on the platform. */
export function customBotId(owner: string, name: string): string {
  const digest = createHash('sha256').update(`${owner}/${name}`).digest();
  let at = 0;
  return newBotId((below) => (digest[at++] ?? 0) % below);
}
