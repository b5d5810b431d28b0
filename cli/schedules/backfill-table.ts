import { zoneTime } from '../../producers/control/zone-time.ts';
import type { BackfillView } from '../client/views/backfill-view.ts';
import { countsLine, table, type Colour, type Look } from '../show/table.ts';

const SAID: Readonly<Record<string, string>> = { new: 'run', again: 'run again', left: 'leave alone' };

const COLOURS: Readonly<Record<string, Colour>> = { new: 'green', again: 'yellow', left: 'gray' };

/** Each nominal time of the span: what is on record, what a backfill does about it, and why. */
export function backfillTable({ times, zone }: Pick<BackfillView, 'times' | 'zone'>, look: Look): string {
  if (times.length === 0) return 'There is no nominal time in this span.';
  const said = (action: string): string => SAID[action] ?? action;
  const rows = times.map(({ nominal, state, action, why }) => ({
    cells: [
      nominal.replace('.000Z', 'Z'),
      zoneTime(Date.parse(nominal), zone),
      state ?? '-',
      said(action),
      why,
    ],
    painted: { column: 3, colour: COLOURS[action] ?? 'gray' },
  }));
  return [
    ...table(['NOMINAL', `IN ${zone}`, 'ON RECORD', 'DOES', 'BECAUSE'], rows, look),
    '',
    countsLine(
      Object.values(SAID),
      times.map(({ action }) => said(action)),
    ),
  ].join('\n');
}
