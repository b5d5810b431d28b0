import { PHASES, type Phase } from '../../model/status.ts';
import { relative, span, timeWithAge } from '../show/relative-time.ts';
import { countsLine, factLines, outputLines, table, type Colour, type Look } from '../show/table.ts';
import type { BotView } from '../../producers/control/bots/view.ts';

export const PHASE_COLOURS: Readonly<Record<Phase, Colour>> = {
  pending: 'cyan',
  starting: 'cyan',
  running: 'green',
  'backing-off': 'yellow',
  stopping: 'cyan',
  stopped: 'gray',
  held: 'gray',
  failed: 'red',
  'state-unavailable': 'red',
};

const HEAD = ['ID', 'NAME', 'PHASE', 'SINCE', 'RESTARTS', 'REASON'] as const;

/** The table of `bots`: one line each, the reason last and cut at the terminal's edge. */
export function botsTable(views: readonly BotView[], look: Look): string {
  const rows = views.map((view) => ({
    cells: [
      view.id,
      view.name ?? '-',
      view.phase,
      view.since === null ? '-' : span(look.nowMs - Date.parse(view.since)),
      String(view.restarts),
      view.reason + nextTry(view, look.nowMs),
    ],
    painted: { column: HEAD.indexOf('PHASE'), colour: PHASE_COLOURS[view.phase] },
  }));
  return [
    ...table(HEAD, rows, look),
    '',
    countsLine(
      PHASES,
      views.map((view) => view.phase),
    ),
  ].join('\n');
}

function nextTry({ nextAttempt, reason }: BotView, nowMs: number): string {
  if (nextAttempt === null || Date.parse(nextAttempt) < nowMs || reason.includes('next try')) return '';
  return ` (next try ${relative(nextAttempt, nowMs)})`;
}

/** Everything about one bot. */
export function botDetails(view: BotView, look: Look): string {
  const when = (iso: string | null): string => timeWithAge(iso, look.nowMs);
  return [
    ...factLines(
      [
        ['id', view.id],
        ['name', view.name ?? '-'],
        ['phase', view.phase, PHASE_COLOURS[view.phase]],
        ['reason', view.reason],
        ['since', when(view.since)],
        ['enabled', view.enabled ? 'yes' : 'no'],
        ['restarts', String(view.restarts)],
        ['next try', when(view.nextAttempt)],
        ['runtime', view.runtime ?? '-'],
        ['version', view.version ?? '-'],
        ['image', view.image ?? '-'],
        ['container', view.container ?? '-'],
        ['last exit', exitText(view, look)],
        ...(view.traceId === null ? [] : [['trace', view.traceId] as const]),
      ],
      look,
    ),
    ...outputLines(view.lastExit?.lastOutput ?? []),
  ].join('\n');
}

function exitText({ lastExit }: BotView, look: Look): string {
  if (lastExit === null) return '-';
  const how = [
    `exit code ${lastExit.exitCode}`,
    ...(lastExit.signal === undefined ? [] : [`signal ${lastExit.signal}`]),
    ...(lastExit.oomKilled ? ['out of memory'] : []),
    ...(lastExit.requested ? ['as asked'] : []),
  ];
  return `${how.join(', ')}, ${relative(lastExit.at, look.nowMs)}, after ${span(lastExit.upSeconds * 1000)}`;
}
