import { median } from './statistics.ts';
import type { Figure } from './types.ts';

type Measured = Required<Pick<Figure, 'value' | 'anchor' | 'ratio' | 'runs'>>;

/**
 * Measures ours and the anchor in turns, so that a change in the machine's load meets both alike. Who goes first changes
 * from round to round: a cache that the first one fills must not favour always the same. The ratio is the median of
 * ours ÷ bare, round by round.
 */
export async function sideBySide(options: {
  rounds: number;
  /** What the anchor is, in words. */
  against: string;
  ours: (round: number) => Promise<number>;
  bare: (round: number) => Promise<number>;
}): Promise<Measured> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const steps = [
      async () => void ours.push(await options.ours(round)),
      async () => void bare.push(await options.bare(round)),
    ];
    if (round % 2 === 1) steps.reverse();
    for (const step of steps) await step();
  }
  return {
    value: median(ours),
    anchor: { what: options.against, value: median(bare) },
    ratio: median(ours.map((value, index) => value / (bare[index] ?? Number.NaN))),
    runs: ours,
  };
}
