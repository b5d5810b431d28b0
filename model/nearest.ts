/** A longer text is no word with a typing mistake. */
const MAX_LENGTH = 40;

/** The word that was probably meant by one with a typing mistake, for a "did you mean"; undefined if none is near. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  if (typed.length > MAX_LENGTH) return undefined;
  const plain = normal(typed);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const word of words) {
    const distance = editDistance(plain, normal(word));
    // A third of its letters: `forbidd` is near to `forbid`, and `no` is not near to `allow`.
    if (distance < bestDistance && distance * 3 <= word.length) [best, bestDistance] = [word, distance];
  }
  return best;
}

/** `FIRE_ALL`, `fireAll` and `fire all` are `fire-all` in other people's habits. */
const normal = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]/g, '');

/** Letters to insert, delete, change, or swap with their neighbour, row by row (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
