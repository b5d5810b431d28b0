import { readLine } from '../../model/read-line.ts';
import { paint, printable, type Colour, type Look } from '../show/table.ts';

/** One line for a terminal: time of day in UTC, and nothing in it that could write over the screen. */
export function showLine(line: string, look: Pick<Look, 'colour'>): string {
  const { atMs, level, text } = readLine(line);
  const time = atMs === undefined ? '        ' : new Date(atMs).toISOString().slice(11, 19);
  const colour = COLOURS[level ?? ''];
  const shown = printable(text);
  return `${paint('gray', time, look)} ${colour === undefined ? shown : paint(colour, shown, look)}`;
}

const COLOURS: Readonly<Record<string, Colour>> = {
  warn: 'yellow',
  warning: 'yellow',
  error: 'red',
  fatal: 'red',
  debug: 'gray',
};
