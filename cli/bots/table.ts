import { styleText } from 'node:util';
import type { Phase } from '../../model/status.ts';
import { relative, span } from './relative-time.ts';
import { countPhases, type BotView } from './view.ts';

/** `columns`: width of the terminal, undefined where there is none and nothing is cut. `colour`: whether to use it. */
export type Look = { nowMs: number; columns: number | undefined; colour: boolean };

const COLOURS: Record<Phase, 'red' | 'yellow' | 'green' | 'cyan' | 'gray'> = {
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

export function paint(phase: Phase, text: string, colour: boolean): string {
  return colour ? styleText(COLOURS[phase], text, { validateStream: false }) : text;
}

/** The table of `bots`: one line each, the reason last and cut at the terminal's edge. */
export function botsTable(views: readonly BotView[], look: Look): string {
  const head = ['ID', 'NAME', 'PHASE', 'SINCE', 'RESTARTS', 'REASON'];
  const rows = views.map((view) => [
    printable(view.id),
    printable(view.name ?? '-'),
    view.phase,
    view.since === null ? '-' : span(look.nowMs - Date.parse(view.since)),
    String(view.restarts),
    printable(view.reason + nextTry(view, look.nowMs)),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[], phase?: Phase): string => {
    const fixed = cells.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] ?? 0));
    const room =
      look.columns === undefined ? Infinity : Math.max(10, look.columns - fixed.join('  ').length - 2);
    const reason = cells.at(-1) ?? '';
    if (phase !== undefined) fixed[2] = paint(phase, fixed[2] ?? '', look.colour);
    return `${fixed.join('  ')}  ${reason.length > room ? `${reason.slice(0, room - 1)}…` : reason}`.trimEnd();
  };
  const counts = countPhases(views).map(([phase, count]) => `${count} ${phase}`);
  return [
    line(head),
    ...rows.map((row, index) => line(row, views[index]?.phase)),
    '',
    counts.join(', '),
  ].join('\n');
}

function nextTry({ nextAttempt, reason }: BotView, nowMs: number): string {
  if (nextAttempt === null || Date.parse(nextAttempt) < nowMs || reason.includes('next try')) return '';
  return ` (next try ${relative(nextAttempt, nowMs)})`;
}

/** Everything about one bot. */
export function botDetails(view: BotView, look: Look): string {
  const when = (iso: string | null) => (iso === null ? '-' : `${iso} (${relative(iso, look.nowMs)})`);
  const facts: [string, string][] = [
    ['id', view.id],
    ['name', view.name ?? '-'],
    ['phase', paint(view.phase, view.phase, look.colour)],
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
  ];
  const lines = facts.map(
    ([name, value]) => `${name.padEnd(10)} ${name === 'phase' ? value : printable(value)}`,
  );
  const output = view.lastExit?.lastOutput ?? [];
  return [
    ...lines,
    ...(output.length === 0 ? [] : ['', 'last output', ...output.map((text) => `  ${printable(text)}`)]),
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

/** Names and output come from strangers: control characters would let them write over the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\t' ? ' ' : '·'));
}
