import { median } from './statistics.ts';

export type SideBySide = { ours: number[]; bare: number[]; ratios: number[]; ratio: number };

/**
 * Measures ours and the anchor in turns, so that a change in the machine's load meets both alike. Who goes first changes
 * from round to round: a cache that the first one fills must not favour always the same. `ratio` is the median of
 * ours ÷ bare, round by round.
 */
export async function sideBySide(options: {
  rounds: number;
  ours: (round: number) => Promise<number>;
  bare: (round: number) => Promise<number>;
}): Promise<SideBySide> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const steps = [async () => void ours.push(await options.ours(round)), async () => void bare.push(await options.bare(round))];
    if (round % 2 === 1) steps.reverse();
    for (const step of steps) await step();
  }
  const ratios = ours.map((value, index) => value / (bare[index] ?? Number.NaN));
  return { ours, bare, ratios, ratio: median(ratios) };
}
