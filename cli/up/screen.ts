import { styleText } from 'node:util';
import type { Progress } from '../../infra/local/types.ts';
import type { BotView } from '../bots/view.ts';
import { paint, printable } from '../bots/table.ts';

export type Screen = {
  /** A step of installing and starting. */
  progress: Progress;
  /** The same, for a step that did not succeed and without which the rest goes on. */
  setback: Progress;
  /** A bot's phase has changed. */
  bot: (view: BotView) => void;
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
  return {
    progress: (done) => step(done.ms === undefined ? style('gray', '·') : style('green', '✔'), done),
    setback: (failed) => step(style('yellow', '!'), failed),
    bot: (view) =>
      write(
        `${style('gray', now().toTimeString().slice(0, 8))}  ${printable(view.name ?? view.id)}  ${paint(view.phase, view.phase, colour)}  ${printable(view.reason)}`,
      ),
    line: (text = '') => write(text),
    problem: (text) => write(style('red', text)),
  };
}
