import { relative } from '../show/relative-time.ts';
import { table, type Colour, type Look } from '../show/table.ts';
import type { TopView, UsageView } from './view.ts';

const HEAD = ['ID', 'KIND', 'CPU', 'MEMORY', 'OF', 'PIDS', 'NET IN/OUT', 'DISK R/W', 'NAME'] as const;
/** Of its limit of memory: soon, and now. */
const NEAR = 0.8;
const AT_LIMIT = 0.95;

/** One line each, and one for everything together. */
export function topTable(view: TopView, look: Look): string {
  if (view.at === null || view.total === null)
    return view.intervalMs === 0 || view.intervalMs === null
      ? 'Nothing is measured: USAGE_INTERVAL is 0.'
      : 'Nothing was measured of late. A processor measures; is one running? See: npx the0-runtime stats';
  const rows = view.rows.map((row) => {
    const colour = colourOf(row);
    return {
      cells: [row.id, row.kind, ...figures(row), row.name ?? '-'],
      ...(colour === undefined ? {} : { painted: { column: HEAD.indexOf('OF'), colour } }),
    };
  });
  const left = view.count - view.rows.length;
  return [
    ...(rows.length === 0 ? ['Nothing runs.'] : table(HEAD, rows, look)),
    '',
    `${left > 0 ? `${left} more. ` : ''}Together ${cores(view.total.cpuCores)}${of(view.hostCores, String)} cores, ` +
      `${bytes(view.total.memoryBytes)}${of(view.hostMemoryBytes, bytes)} of memory in ${view.total.containers} containers; ` +
      `measured ${relative(view.at, look.nowMs)}.`,
  ].join('\n');
}

const figures = (usage: UsageView): string[] => [
  cores(usage.cpuCores),
  bytes(usage.memoryBytes),
  usage.memoryLimitBytes === null
    ? '-'
    : `${Math.round((usage.memoryBytes / usage.memoryLimitBytes) * 100)} %`,
  String(usage.pids),
  pair(usage.networkReceived, usage.networkSent),
  pair(usage.diskRead, usage.diskWritten),
];

function colourOf({ memoryBytes, memoryLimitBytes }: UsageView): Colour | undefined {
  const share = memoryLimitBytes === null ? 0 : memoryBytes / memoryLimitBytes;
  return share >= AT_LIMIT ? 'red' : share >= NEAR ? 'yellow' : undefined;
}

const cores = (value: number): string => value.toFixed(2);

const of = (value: number | null, words: (value: number) => string): string =>
  value === null ? '' : ` of ${words(value)}`;

const pair = (one: number | null, other: number | null): string =>
  one === null || other === null ? '-' : `${bytes(one)}/${bytes(other)}`;

const UNITS = ['B', 'K', 'M', 'G', 'T'] as const;

/** In powers of 1024, with three digits at most: `900B`, `1.5K`, `312M`. */
export function bytes(value: number): string {
  let [size, unit] = [value, 0];
  while (size >= 999.5 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 || size >= 99.5 ? Math.round(size) : size.toFixed(1)}${UNITS[unit] ?? ''}`;
}
