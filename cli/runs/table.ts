import { RUN_STATES, type RunState } from '../../model/runs.ts';
import { relative, timeWithAge, took } from '../show/relative-time.ts';
import {
  countsLine,
  factLines,
  outputLines,
  printable,
  table,
  type Colour,
  type Look,
} from '../show/table.ts';
import type { AttemptView, RunDetails, RunView } from '../../producers/control/run-list/view.ts';

export const STATE_COLOURS: Readonly<Record<RunState, Colour>> = {
  queued: 'cyan',
  preparing: 'cyan',
  running: 'cyan',
  retrying: 'yellow',
  succeeded: 'green',
  failed: 'red',
  'timed-out': 'red',
  cancelled: 'gray',
  skipped: 'yellow',
};

const HEAD = ['RUN', 'STATE', 'NOMINAL', 'TOOK', 'ATTEMPT', 'REASON'] as const;

/** The table of `runs`: one line each, the reason last and cut at the terminal's edge. */
export function runsTable(views: readonly RunView[], look: Look): string {
  const rows = views.map((view) => ({
    cells: [
      view.id,
      view.state,
      seconds(view.nominal),
      tookText(view, look.nowMs),
      view.attempt === 0 ? '-' : String(view.attempt),
      view.reason,
    ],
    painted: { column: HEAD.indexOf('STATE'), colour: STATE_COLOURS[view.state] },
  }));
  return [
    ...table(HEAD, rows, look),
    '',
    countsLine(
      RUN_STATES,
      views.map((view) => view.state),
    ),
  ].join('\n');
}

/** `2026-11-24 10:00:00Z`. */
const seconds = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');

/** From its start to its end, or to now. */
function tookText(
  { started, ended, state }: Pick<RunView, 'started' | 'ended' | 'state'>,
  nowMs: number,
): string {
  if (started === null) return '-';
  if (ended === null) return state === 'running' ? took(nowMs - Date.parse(started)) : '-';
  return took(Date.parse(ended) - Date.parse(started));
}

/** Everything about one run. */
export function runText(view: RunDetails, look: Look): string {
  const when = (iso: string | null): string => timeWithAge(iso, look.nowMs);
  const { cancel, request } = view;
  return [
    ...factLines(
      [
        ['run', view.id],
        ['schedule', view.schedule],
        ['state', view.state, STATE_COLOURS[view.state]],
        ['reason', view.reason],
        ['cause', view.cause],
        ['nominal', when(view.nominal)],
        ...(view.due === view.nominal ? [] : [['due', when(view.due)] as const]),
        ['started', when(view.started)],
        ['ended', when(view.ended)],
        ['took', tookText(view, look.nowMs)],
        ['attempt', String(view.attempt)],
        ...(view.nextAttempt === null ? [] : [['next attempt', when(view.nextAttempt)] as const]),
        ...(view.deadline === null ? [] : [['deadline', when(view.deadline)] as const]),
        ['exit', exitText(view)],
        ['image', view.image ?? '-'],
        ['container', view.container ?? '-'],
        ['processor', view.processor ?? '-'],
        ...(cancel === null
          ? []
          : [['cancelled by', `${cancel.who}: ${cancel.why}, ${relative(cancel.at, look.nowMs)}`] as const]),
        ...(request === null ? [] : [['request', request.id] as const]),
        ...(request === null || request.overridden.length === 0
          ? []
          : [['overridden', request.overridden.join(', ')] as const]),
        ...(view.resultProblem === null ? [] : [['result', view.resultProblem] as const]),
      ],
      look,
    ),
    ...resultLines(view),
    ...attemptLines(view.attempts, look),
    ...outputLines(view.lastOutput),
  ].join('\n');
}

function exitText({
  exitCode,
  signal,
  oomKilled,
}: Pick<RunView, 'exitCode' | 'signal' | 'oomKilled'>): string {
  if (exitCode === null) return '-';
  return [
    `exit code ${exitCode}`,
    ...(signal === null ? [] : [`signal ${signal}`]),
    ...(oomKilled ? ['out of memory'] : []),
  ].join(', ');
}

function resultLines({ result }: RunDetails): string[] {
  if (result === null) return [];
  const lines = (JSON.stringify(result, null, 2) ?? '').split('\n');
  return ['', 'result', ...lines.map((line) => `  ${printable(line)}`)];
}

function attemptLines(attempts: readonly AttemptView[], look: Look): string[] {
  if (attempts.length === 0) return [];
  const head = ['ATTEMPT', 'OUTCOME', 'ENDED', 'TOOK', 'EXIT', 'REASON'];
  const rows = attempts.map((attempt) => ({
    cells: [
      String(attempt.attempt),
      attempt.outcome,
      seconds(attempt.ended),
      tookText({ ...attempt, state: attempt.outcome }, look.nowMs),
      exitText(attempt),
      attempt.reason,
    ],
    painted: { column: 1, colour: STATE_COLOURS[attempt.outcome] },
  }));
  return ['', 'earlier attempts', ...table(head, rows, look).map((line) => `  ${line}`)];
}
