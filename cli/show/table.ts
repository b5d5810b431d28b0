import { styleText } from 'node:util';

/** `columns`: width of the terminal, undefined where there is none and nothing is cut. `colour`: whether to use it. */
export type Look = { nowMs: number; columns: number | undefined; colour: boolean };

export type Colour = 'red' | 'yellow' | 'green' | 'cyan' | 'gray';

export function paint(colour: Colour, text: string, look: Pick<Look, 'colour'>): string {
  return look.colour ? styleText(colour, text, { validateStream: false }) : text;
}

/** How standard output is to be written to. */
export function lookOf(out: typeof process.stdout, nowMs: number): Look {
  const { isTTY, columns } = out;
  return { nowMs, columns: isTTY ? columns : undefined, colour: isTTY && out.hasColors() };
}

/** `painted`: which of its cells has a colour. */
export type Row = { cells: readonly string[]; painted?: { column: number; colour: Colour } };

const NARROWEST_LAST = 10;
const NARROWEST_INNER = 8;

/** One line each, columns aligned: within the terminal’s width where that is possible, the last cut at its edge. */
export function table(head: readonly string[], rows: readonly Row[], look: Look): string[] {
  const shown = rows.map(({ cells }) => cells.map(printable));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...shown.map((cells) => (cells[column] ?? '').length)),
  );
  fit(widths, head, look.columns);
  const line = (cells: readonly string[], painted?: Row['painted']): string => {
    const fixed = cells.slice(0, -1).map((cell, column) => {
      const width = widths[column] ?? 0;
      return cut(cell, width).padEnd(width);
    });
    const last = cells.at(-1) ?? '';
    const room =
      look.columns === undefined
        ? Infinity
        : Math.max(NARROWEST_LAST, look.columns - fixed.join('  ').length - 2);
    if (painted !== undefined)
      fixed[painted.column] = paint(painted.colour, fixed[painted.column] ?? '', look);
    return `${fixed.join('  ')}  ${cut(last, room)}`.trimEnd();
  };
  return [line(head), ...shown.map((cells, index) => line(cells, rows[index]?.painted))];
}

/** Makes the widest of the inner columns narrower until the last has room, too; the first is what people copy. */
function fit(widths: number[], head: readonly string[], columns: number | undefined): void {
  if (columns === undefined) return;
  const inner = widths.map((_, column) => column).slice(1, -1);
  const least = (column: number): number => Math.max(head[column]?.length ?? 0, NARROWEST_INNER);
  const used = (): number => widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  while (used() + NARROWEST_LAST > columns) {
    const [widest] = inner
      .filter((column) => (widths[column] ?? 0) > least(column))
      .sort((one, other) => (widths[other] ?? 0) - (widths[one] ?? 0));
    if (widest === undefined) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

const cut = (text: string, room: number): string =>
  text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;

/** A fact a line, names aligned. `[name, value, colour]`. */
export function factLines(
  facts: readonly (readonly [name: string, value: string, colour?: Colour])[],
  look: Look,
): string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value, colour]) => {
    const text = printable(value);
    return `${name.padEnd(width)} ${colour === undefined ? text : paint(colour, text, look)}`;
  });
}

/** `3 running, 1 failed`: each of `order` that occurs. */
export function countsLine<T extends string>(order: readonly T[], seen: readonly T[]): string {
  return order
    .map((each) => [each, seen.filter((one) => one === each).length] as const)
    .filter(([, count]) => count > 0)
    .map(([each, count]) => `${count} ${each}`)
    .join(', ');
}

/** Output of a bot, indented below its heading; nothing where there is none. */
export function outputLines(output: readonly string[]): string[] {
  return output.length === 0 ? [] : ['', 'last output', ...output.map((text) => `  ${printable(text)}`)];
}

/** Names and output come from strangers: control characters would let them write over the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\t' ? ' ' : '·'));
}
