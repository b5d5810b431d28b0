import { styleText } from 'node:util';
import { printable } from '../../show/table.ts';
import { OUTCOMES, worstOutcome, type Outcome, type Row } from './row.ts';

const COLOURS = { held: 'green', missing: 'yellow', unknown: 'yellow', open: 'red' } as const;
const WIDEST = Math.max(...OUTCOMES.map((outcome) => outcome.length));

/** A heading for each group, one line a row, its cure below it; the sum last. */
export function probeTable(rows: readonly Row[], tookMs: number, colour: boolean): string {
  const width = Math.max(0, ...rows.map(({ name }) => printable(name).length));
  const indent = ' '.repeat(WIDEST + 2 + width + 2);
  const paint = (outcome: Outcome): string => {
    const text = outcome.padEnd(WIDEST);
    return colour ? styleText(COLOURS[outcome], text, { validateStream: false }) : text;
  };
  const lines = rows.flatMap(({ group, name, outcome, detail, cure }, index) => [
    ...(group === rows[index - 1]?.group ? [] : [...(index === 0 ? [] : ['']), group]),
    `${paint(outcome)}  ${printable(name).padEnd(width)}  ${printable(detail)}`,
    ...(cure === undefined ? [] : [`${indent}→ ${printable(cure)}`]),
  ]);
  return [...lines, '', `${summary(rows)} It took ${(tookMs / 1000).toFixed(1)} s.`].join('\n');
}

function summary(rows: readonly Row[]): string {
  const names = (wanted: Outcome): string =>
    rows
      .filter(({ outcome }) => outcome === wanted)
      .map(({ name }) => name)
      .join(', ');
  const lacks = rows.some(({ outcome }) => outcome === 'missing')
    ? ` The host lacks: ${names('missing')}.`
    : '';
  switch (worstOutcome(rows)) {
    case 'held':
      return 'Everything held.';
    case 'missing':
      return `Everything that was tried held.${lacks}`;
    case 'unknown':
      return `Nothing was found open, but not all could be tried: ${names('unknown')}.${lacks}`;
    case 'open':
      return `Not held: ${names('open')}.${lacks}`;
  }
}
