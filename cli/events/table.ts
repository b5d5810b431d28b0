import { table, printable, paint, type Colour, type Look } from '../show/table.ts';
import type { EventView } from './view.ts';

const HEAD = ['AT', 'ID', 'KIND', 'NOW', 'WHAT'] as const;

const COLOURS: Readonly<Record<string, Colour>> = {
  running: 'green',
  succeeded: 'green',
  active: 'green',
  failed: 'red',
  'timed-out': 'red',
  invalid: 'red',
  'state-unavailable': 'red',
  'backing-off': 'yellow',
  skipped: 'yellow',
};

const seconds = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');

const colourOf = ({ after }: EventView): Colour => COLOURS[after ?? ''] ?? 'gray';

export const eventsTable = (views: readonly EventView[], look: Look): string =>
  table(
    HEAD,
    views.map((view) => ({
      cells: [seconds(view.at), view.id, view.kind, view.after ?? '-', view.text],
      painted: { column: HEAD.indexOf('NOW'), colour: colourOf(view) },
    })),
    look,
  ).join('\n');

/** One of a stream, as it comes. */
export const eventLine = (view: EventView, look: Look): string =>
  `${paint('gray', seconds(view.at), look)} ${printable(view.id)} ${paint(colourOf(view), view.after ?? view.kind, look)} ${printable(view.text)}`;
