import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Api } from '../client/api.ts';
import { endless, follow } from '../client/follow.ts';
import { messageOf } from '../../infra/message-of.ts';

/** `lines`: at most so many, the last ones. `sinceMs`: none that is older; epoch milliseconds. `date`: `YYYYMMDD`, of that day alone. */
export type LogWish = { id: string; lines: number; sinceMs?: number | undefined; date?: string | undefined };

/** As many as the API gives at once. */
const LARGEST = 10_000;

const fieldsOf = ({ id, sinceMs, date = '' }: LogWish) => ({
  id,
  date,
  ...(sinceMs === undefined ? {} : { since: timestampFromMs(sinceMs) }),
});

/** The end of a log, oldest first: asked for part by part, from the end. */
export async function endOfLog(api: Api, wish: LogWish): Promise<string[]> {
  const parts: string[][] = [];
  let found = 0;
  let before = '';
  do {
    const lines = Math.min(LARGEST, wish.lines - found);
    const answer = await api.logs.getLogs({ ...fieldsOf(wish), lines, before });
    parts.unshift(answer.lines.map(({ text }) => text));
    found += answer.lines.length;
    before = answer.earlier;
  } while (before !== '' && found < wish.lines);
  return parts.flat();
}

/** The end of a log, then what is printed from then on, until the signal; of a run, until it has told all. */
export const followLog = (
  api: Api,
  wish: LogWish,
  {
    take,
    note,
    tell,
    signal,
  }: {
    take: (line: string) => void;
    /** Something is missing, or the stream goes on after an interruption. */
    note: (text: string) => void;
    tell: (error: unknown) => Promise<unknown>;
    signal: AbortSignal;
  },
): Promise<void> =>
  follow({
    open: (after) =>
      api.logs.streamLogs(
        // A position says all of where to go on.
        after === '' ? { ...fieldsOf(wish), lines: Math.min(LARGEST, wish.lines) } : { id: wish.id, after },
        endless(signal),
      ),
    take: (answer) => {
      if (answer.note !== '') note(answer.note);
      for (const { text } of answer.lines) take(text);
    },
    interrupted: async (error) => note(`${messageOf(await tell(error))}; it goes on`),
    signal,
  });
