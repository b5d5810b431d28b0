import { rounded } from './statistics.ts';
import type { Bench, Figure, Limit } from './types.ts';

/** One figure as it is printed and kept. */
export type Line = {
  name: string;
  value: number;
  unit: string;
  anchor: number | null;
  anchorWhat?: string;
  ratio: number | null;
  goal: string;
  pass: boolean;
  runs: number[];
};

/** The line of a bench: its headline, with the other figures inside. It passes when all its figures do. */
export type Verdict = Line & { figures: Line[] };

export function verdict(bench: Bench, figures: readonly Figure[]): Verdict {
  const lines = figures.map((figure) => lineOf(bench, figure));
  const [headline, ...rest] = lines;
  if (headline === undefined) throw new Error(`The bench ${bench.name} measured nothing`);
  return {
    ...headline,
    name: bench.name,
    pass: lines.every(({ pass }) => pass),
    figures: [headline, ...rest],
  };
}

function lineOf(bench: Bench, figure: Figure): Line {
  const { anchor, ratio, limit } = figure;
  return {
    name: `${bench.name}: ${figure.name}`,
    value: rounded(figure.value),
    unit: figure.unit,
    anchor: anchor === undefined ? null : rounded(anchor.value),
    ...(anchor === undefined ? {} : { anchorWhat: anchor.what }),
    ratio: ratio === undefined ? null : rounded(ratio),
    goal: limit === undefined ? '' : inWords(limit, figure.unit),
    pass: limit === undefined || keeps(figure, limit),
    runs: figure.runs.map(rounded),
  };
}

/** A figure that is no number keeps nothing. */
function keeps(figure: Figure, limit: Limit): boolean {
  const measured = (limit.of === 'ratio' ? figure.ratio : figure.value) ?? Number.NaN;
  return 'atMost' in limit ? measured <= limit.atMost : measured >= limit.atLeast;
}

function inWords(limit: Limit, unit: string): string {
  const number = 'atMost' in limit ? `≤ ${limit.atMost}` : `≥ ${limit.atLeast}`;
  return limit.of === 'ratio' ? `ratio ${number}` : `${number} ${unit}`;
}
