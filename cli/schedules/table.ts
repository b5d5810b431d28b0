import type { Preview } from '../../producers/control/preview.ts';
import { zoneTime } from '../../producers/control/zone-time.ts';
import { relative, span, timeWithAge } from '../show/relative-time.ts';
import { countsLine, factLines, table, type Colour, type Look } from '../show/table.ts';
import {
  VIEW_PHASES,
  type ScheduleView,
  type ViewPhase,
} from '../../producers/control/schedule-list/view.ts';

const PHASE_COLOURS: Readonly<Record<ViewPhase, Colour>> = {
  active: 'green',
  pending: 'cyan',
  paused: 'gray',
  disabled: 'gray',
  invalid: 'red',
  gone: 'cyan',
};

export const scheduleColour = ({ phase, failuresInRow }: ScheduleView): Colour =>
  phase === 'active' && failuresInRow > 0 ? 'yellow' : PHASE_COLOURS[phase];

const HEAD = ['ID', 'NAME', 'PHASE', 'SCHEDULE', 'ZONE', 'NEXT', 'LAST RUN', 'REASON'] as const;

/** The table of `schedules`: one line each, the reason last and cut at the terminal's edge. */
export function schedulesTable(views: readonly ScheduleView[], look: Look): string {
  const rows = views.map((view) => ({
    cells: [
      view.id,
      view.name ?? '-',
      view.phase,
      view.schedule ?? '-',
      view.zone ?? '-',
      relative(view.next, look.nowMs),
      lastText(view, look.nowMs),
      failing(view) + view.reason,
    ],
    painted: { column: HEAD.indexOf('PHASE'), colour: scheduleColour(view) },
  }));
  return [
    ...table(HEAD, rows, look),
    '',
    countsLine(
      VIEW_PHASES,
      views.map((view) => view.phase),
    ),
  ].join('\n');
}

function lastText({ lastRun }: ScheduleView, nowMs: number): string {
  return lastRun === null ? '-' : `${lastRun.state} ${relative(lastRun.ended, nowMs)}`;
}

const failing = ({ failuresInRow, lastRun }: ScheduleView): string =>
  failuresInRow === 0 || lastRun === null ? '' : `${failuresInRow} failed in a row: ${lastRun.reason} · `;

/** Everything about one schedule; its runs stand below it. */
export function scheduleDetails(view: ScheduleView, look: Look): string {
  const { next, zone, hold, lastRun, policy } = view;
  const when = (iso: string | null): string => timeWithAge(iso, look.nowMs);
  return factLines(
    [
      ['id', view.id],
      ['name', view.name ?? '-'],
      ['phase', view.phase, scheduleColour(view)],
      ['reason', view.reason],
      ['since', when(view.since)],
      ['enabled', view.enabled ? 'yes' : 'no'],
      ['paused by', hold === null ? '-' : `${hold.who}: ${hold.why}, ${relative(hold.at, look.nowMs)}`],
      ['schedule', view.schedule ?? '-'],
      ['zone', zone ?? '-'],
      ['next', when(next)],
      ...(next === null || zone === null || zone === 'UTC'
        ? []
        : [['in its zone', zoneTime(Date.parse(next), zone)] as const]),
      ...(policy === null ? [] : policyFacts(policy)),
      ['last run', lastRun === null ? '-' : `${lastRun.state}, ${when(lastRun.ended)}: ${lastRun.reason}`],
      ['failed in a row', String(view.failuresInRow)],
      ['not over', view.line.length === 0 ? '-' : view.line.join(', ')],
      ['runtime', view.runtime ?? '-'],
      ['version', view.version ?? '-'],
    ],
    look,
  ).join('\n');
}

function policyFacts(policy: NonNullable<ScheduleView['policy']>): [string, string][] {
  const { misfire, overlap, timeoutMs, retries, retryDelayMs, jitterMs } = policy;
  const upTo = misfire.policy === 'fire-all' ? `, up to ${misfire.max}` : '';
  return [
    [
      'misfire',
      misfire.policy === 'skip' ? 'skip' : `${misfire.policy}${upTo}, within ${span(misfire.windowMs)}`,
    ],
    ['overlap', overlap.policy === 'allow' ? `allow ${overlap.max}` : overlap.policy],
    ['timeout', span(timeoutMs)],
    ['retries', retries === 0 ? 'none' : `${retries}, the first after ${span(retryDelayMs)}`],
    ...(jitterMs === 0 ? [] : [['jitter', `up to ${span(jitterMs)}`] as [string, string]]),
  ];
}

/** The times to come, in the schedule's zone and in UTC. */
export function previewTable({ cron, zone, times, exhausted }: Preview, look: Look): string {
  const rows = times.map(({ utc, zoneTime: local }) => ({
    cells: [local, utc.replace('.000Z', 'Z'), relative(utc, look.nowMs)],
  }));
  return [
    ...factLines(
      [
        ['schedule', cron],
        ['zone', zone],
      ],
      look,
    ),
    '',
    ...table([`IN ${zone}`, 'IN UTC', 'FROM NOW'], rows, look),
    ...(exhausted ? ['', 'It fires no more after that, as far as the calendar is looked at.'] : []),
  ].join('\n');
}
