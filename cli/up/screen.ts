import { styleText } from 'node:util';
import type { Progress } from '../../infra/local/types.ts';
import type { BotView } from '../../producers/control/bots/view.ts';
import { PHASE_COLOURS } from '../bots/table.ts';
import { STATE_COLOURS } from '../runs/table.ts';
import { scheduleColour } from '../schedules/table.ts';
import type { ScheduleView } from '../../producers/control/schedule-list/view.ts';
import { relative } from '../show/relative-time.ts';
import { paint, printable } from '../show/table.ts';

export type Screen = {
  /** A step of installing and starting. */
  progress: Progress;
  /** The same, for a step that did not succeed and without which the rest goes on. */
  setback: Progress;
  /** A bot's phase has changed. */
  bot: (view: BotView) => void;
  /** A schedule's phase has changed. */
  schedule: (view: ScheduleView) => void;
  /** A schedule's latest run has ended. */
  run: (view: ScheduleView) => void;
  line: (text?: string) => void;
  problem: (text: string) => void;
};

const NAME_WIDTH = 26;

/** One line per step and per change, on a terminal with a little colour; never a cursor moved, so logs read the same. */
export function createScreen(
  out: { isTTY?: boolean; write(text: string): unknown; hasColors?(): boolean },
  now: () => Date = () => new Date(),
): Screen {
  const colour = out.isTTY === true && (out.hasColors?.() ?? false);
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const write = (text: string) => void out.write(`${text}\n`);
  const step = (mark: string, { what, detail, ms }: Parameters<Progress>[0]) =>
    write(
      `  ${mark} ${what.padEnd(NAME_WIDTH)} ${printable(detail)}${ms === undefined || ms < 100 ? '' : style('gray', ` (${(ms / 1000).toFixed(1)} s)`)}`,
    );
  const news = (who: string, what: string, why: string) =>
    write(
      `${style('gray', now().toTimeString().slice(0, 8))}  ${printable(who)}  ${what}  ${printable(why)}`,
    );
  return {
    progress: (done) => step(done.ms === undefined ? style('gray', '·') : style('green', '✔'), done),
    setback: (failed) => step(style('yellow', '!'), failed),
    bot: ({ name, id, phase, reason }) =>
      news(name ?? id, paint(PHASE_COLOURS[phase], phase, { colour }), reason),
    schedule: (view) => {
      const next = view.next === null ? '' : ` Next ${relative(view.next, now().getTime())}.`;
      news(view.name ?? view.id, paint(scheduleColour(view), view.phase, { colour }), view.reason + next);
    },
    run: ({ name, id, lastRun }) => {
      if (lastRun === null) return;
      news(name ?? id, paint(STATE_COLOURS[lastRun.state], lastRun.state, { colour }), lastRun.reason);
    },
    line: (text = '') => write(text),
    problem: (text) => write(style('red', text)),
  };
}
