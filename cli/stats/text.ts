import { relative, span } from '../show/relative-time.ts';
import { factLines, table, type Look } from '../show/table.ts';
import type { StatsView } from './view.ts';

/** The installation at a glance. */
export function statsText(view: StatsView, look: Look): string {
  return [
    ...factLines(
      [
        ['installation', `${view.installation}, answered by version ${view.version}`],
        ['bots', counts(view.bots)],
        ['schedules', counts(view.schedules)],
        ['runs of the last hour', counts(view.runsLastHour)],
        [
          'jobs that wait',
          view.jobsWaiting === 0
            ? '0'
            : `${view.jobsWaiting}, the oldest for ${span(view.oldestWaitingMs ?? 0)}`,
        ],
        view.poisonEvents === 0
          ? ['events not understood', '0']
          : ['events not understood', String(view.poisonEvents), 'yellow'],
      ],
      look,
    ),
    '',
    ...table(
      ['SERVER', 'STATE', 'VERSION', 'ANSWERS IN', 'CLOCK', 'PROBLEM'],
      view.servers.map((server) => ({
        cells: [
          server.name,
          server.reachable ? 'there' : 'away',
          server.version ?? '-',
          milliseconds(server.latencyMs),
          server.clockSkewMs === null ? '-' : `${server.clockSkewMs >= 0 ? '+' : ''}${server.clockSkewMs} ms`,
          server.problem ?? '',
        ],
        painted: { column: 1, colour: server.reachable ? ('green' as const) : ('red' as const) },
      })),
      look,
    ),
    ...processLines(view, look),
  ].join('\n');
}

function processLines({ processes }: StatsView, look: Look): string[] {
  if (processes.length === 0) return ['', 'No process of it is alive.'];
  const rows = processes.map((process) => ({
    cells: [
      process.service,
      process.host,
      process.version,
      relative(process.startedAt, look.nowMs),
      relative(process.seenAt, look.nowMs),
      process.leases.length === 0 ? '-' : process.leases.join(', '),
    ],
  }));
  return ['', ...table(['PROCESS', 'HOST', 'VERSION', 'STARTED', 'SEEN', 'DOES ALONE'], rows, look)];
}

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || 'none';

const milliseconds = (ms: number | null): string => (ms === null ? '-' : `${ms} ms`);
