import { relative, timeWithAge } from '../show/relative-time.ts';
import { factLines, printable, table, type Look } from '../show/table.ts';
import type { StateSummaryView, StateView } from './view.ts';

/** What `state list` prints of all of them. */
export const statesTable = (states: readonly StateSummaryView[], look: Look): string =>
  table(
    ['ID', 'SAVED', 'FILES', 'BYTES', 'TROUBLE'],
    states.map(({ id, savedAt, files, bytes, problems, overLimit }) => ({
      cells: [
        id,
        savedAt === null ? 'not yet' : relative(savedAt, look.nowMs),
        String(files),
        String(bytes),
        overLimit ?? (problems === 0 ? '-' : `${problems} not saved`),
      ],
      ...(overLimit === null && problems === 0 ? {} : { painted: { column: 1, colour: 'yellow' as const } }),
    })),
    look,
  ).join('\n');

/** What `state list` prints of one. */
export function stateText(view: StateView, look: Look): string {
  const { archive } = view;
  const when = (time: string | null): string => timeWithAge(time, look.nowMs);
  return [
    ...factLines(
      [
        ['id', view.id],
        ['archive', archiveText(view)],
        ['in S3 since', when(archive?.at ?? null)],
        ['last saved', when(view.savedAt)],
        ['last restored', when(view.restoredAt)],
        ...(view.platformChangedAt === null
          ? []
          : [['changed by the platform', when(view.platformChangedAt), 'yellow'] as const]),
        ...(view.deletedAt === null ? [] : [['deleted by hand', when(view.deletedAt), 'yellow'] as const]),
        ...(view.overLimit === null ? [] : [['over its limit', view.overLimit, 'red'] as const]),
      ],
      look,
    ),
    ...section(
      'not saved',
      view.problems.map((problem) => `  ${printable(problem)}`),
    ),
    ...section(
      'keys',
      archive === null || archive.keys.length === 0
        ? []
        : table(
            ['KEY', 'BYTES'],
            archive.keys.map(({ key, bytes }) => ({ cells: [key, String(bytes)] })),
            look,
          ),
    ),
    ...section(
      'earlier archives',
      view.earlier.length === 0
        ? []
        : table(
            ['NAME', 'REPLACED', 'BYTES'],
            view.earlier.map(({ name, at, bytes }) => ({ cells: [name, at, String(bytes)] })),
            look,
          ),
    ),
  ].join('\n');
}

function archiveText({ archive, unreadable }: StateView): string {
  if (unreadable !== null) return `cannot be read: ${unreadable}`;
  return archive === null ? 'none' : `${archive.files} files, ${archive.bytes} bytes compressed`;
}

const section = (heading: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', heading, ...lines];
