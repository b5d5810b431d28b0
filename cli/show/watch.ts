import { CliError, EXIT } from '../errors.ts';
import { pause } from '../../infra/pause.ts';

/** Where what is watched is drawn. `isTerminal`: it can be drawn over. */
export type Screen = { isTerminal: boolean; rows: number | undefined; write: (text: string) => void };

export type WatchOptions = {
  /** What there is to see now. */
  read: () => Promise<string>;
  /** What is to be said of an error of `read`. */
  tell: (error: unknown) => Promise<unknown>;
  everyMs: number;
  screen: Screen;
  signal: AbortSignal;
  now?: () => Date;
};

const HOME = '\u001b[H';
const CLEAR = '\u001b[2J\u001b[H';
const TO_LINE_END = '\u001b[K';
const TO_SCREEN_END = '\u001b[J';

/** What comes back by itself; whoever watches wants to see when. */
const PASSING = new Set<number>([EXIT.unreachable, EXIT.timeout, EXIT.exhausted]);

/**
 * Shows again and again what there is to see, until the signal: drawn over on a terminal, else whenever it has changed. What
 * is away is said, and waited for. @throws what is no passing trouble
 */
export async function watch({ read, tell, everyMs, screen, signal, now }: WatchOptions): Promise<void> {
  let shown: string | undefined;
  if (screen.isTerminal) screen.write(CLEAR);
  while (!signal.aborted) {
    const text = await read().catch(async (error: unknown) => {
      const told = await tell(error);
      if (told instanceof CliError && PASSING.has(told.exitCode)) return `… ${told.message}`;
      throw told;
    });
    if (signal.aborted) return;
    if (screen.isTerminal) screen.write(drawn(text, screen.rows, (now ?? (() => new Date()))()));
    else if (text !== shown) screen.write(`${shown === undefined ? '' : '\n'}${text}\n`);
    shown = text;
    await pause(everyMs, signal, { keepsAlive: true });
  }
}

/** Line by line over what was there, so that nothing flickers; what does not fit is told as such. */
function drawn(text: string, rows: number | undefined, now: Date): string {
  const lines = text.split('\n');
  const room = rows === undefined ? Infinity : Math.max(1, rows - 2);
  const fits =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} lines more do not fit here`];
  const head = `${now.toISOString().replace(/\.\d+Z$/, 'Z')} · Ctrl-C ends it`;
  return `${HOME}${[head, ...fits].map((line) => `${line}${TO_LINE_END}`).join('\n')}\n${TO_SCREEN_END}`;
}
