import type { RolloutState } from '../../model/rollout.ts';
import type { RolloutView } from '../client/views/bot-view.ts';
import { relative, timeWithAge } from '../show/relative-time.ts';
import { factLines, table, type Colour, type Look } from '../show/table.ts';

const COLOURS: Readonly<Record<RolloutState, Colour>> = {
  waiting: 'cyan',
  running: 'cyan',
  done: 'green',
  stopped: 'yellow',
};

const HEAD = ['ID', 'STATE', 'RESTARTED', 'FAILED', 'BEGUN', 'BY', 'REASON'] as const;

export const rolloutsTable = (views: readonly RolloutView[], look: Look): string =>
  table(
    HEAD,
    views.map((view) => ({
      cells: [
        view.id,
        view.state,
        `${view.restarted} of ${view.bots}`,
        String(view.failed.length),
        relative(view.wish?.at ?? null, look.nowMs),
        view.wish?.who ?? '-',
        `${view.reason} (${view.wish?.why ?? ''})`,
      ],
      painted: { column: HEAD.indexOf('STATE'), colour: COLOURS[view.state] },
    })),
    look,
  ).join('\n');

/** Everything about one roll-out. */
export function rolloutText(view: RolloutView, look: Look): string {
  const when = (iso: string | null): string => timeWithAge(iso, look.nowMs);
  return [
    ...factLines(
      [
        ['id', view.id],
        ['state', view.state, COLOURS[view.state]],
        ['reason', view.reason],
        ['begun by', view.wish === null ? '-' : `${view.wish.who}: ${view.wish.why}, ${when(view.wish.at)}`],
        [
          'restarted',
          `${view.restarted} of ${view.bots}, ${view.atOnce} at a time${view.skipped === 0 ? '' : `; ${view.skipped} skipped`}`,
        ],
        ['now', view.current.length === 0 ? '-' : view.current.join(', ')],
        ['ended', when(view.endedAt)],
      ],
      look,
    ),
    ...(view.failed.length === 0
      ? []
      : [
          '',
          'do not run since',
          ...table(
            ['ID', 'RAN BEFORE', 'REASON'],
            view.failed.map(({ id, ranBefore, reason }) => ({
              cells: [id, ranBefore ? 'yes' : 'no', reason],
            })),
            look,
          ).map((line) => `  ${line}`),
        ]),
  ].join('\n');
}
