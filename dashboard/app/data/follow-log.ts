import type { LogLine } from '../../../proto/gen/the0/runtime/v1/logs_pb.js';
import { liveLogs, logs } from '../api/clients.ts';
import { backOffMs } from '../api/connection.ts';
import { problemOf, type Problem } from '../api/problem.ts';
import type { Entry } from '../parts/log-buffer.ts';
import { msOf } from './rows.ts';

export type LogFilter = { text: string; levels: string[] };

export type LogSink = {
  /** Lines that were printed, in order; at most every 100 ms, however many there are. */
  lines: (entries: Entry[]) => void;
  note: (text: string) => void;
  state: (state: LogState) => void;
};

export type LogState =
  | { is: 'loading' }
  | { is: 'live' }
  | { is: 'away'; problem: Problem }
  /** There will be no more: a run's log, once it is over. */
  | { is: 'over' };

/** How far the beginning was read; what comes before it is asked for with this. Empty: nothing does. */
export type Earlier = { token: string };

const FIRST_LINES = 1_000;
const FLUSH_MS = 100;

export const entryOf = ({ text, at }: LogLine): Entry => ({ raw: text, atMs: msOf(at) });

/** The end of a log and all that is printed from then on, until `signal` aborts. Goes on where it was after each break. */
export async function followLog(
  id: string,
  filter: LogFilter,
  earlier: Earlier,
  sink: LogSink,
  signal: AbortSignal,
): Promise<void> {
  sink.state({ is: 'loading' });
  let after: string | undefined;
  let waiting: Entry[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const ready = waiting;
    waiting = [];
    sink.lines(ready);
  };
  const timer = setInterval(flush, FLUSH_MS);
  try {
    // A run's stream ends in order once all is told; others do only where the server stops.
    let ends = 0;
    for (let tries = 0; !signal.aborted;) {
      try {
        if (after === undefined) {
          const first = await logs.getLogs({ id, filter, lines: FIRST_LINES }, { signal });
          earlier.token = first.earlier;
          sink.lines(first.lines.map(entryOf));
          after = first.lines.at(-1)?.position ?? '';
        }
        for await (const answer of liveLogs.streamLogs({ id, after, filter }, { signal })) {
          tries = 0;
          sink.state({ is: 'live' });
          if (answer.lines.length > 0) ends = 0;
          for (const line of answer.lines) waiting.push(entryOf(line));
          after = answer.position !== '' ? answer.position : (answer.lines.at(-1)?.position ?? after);
          if (answer.note !== '') {
            flush();
            sink.note(answer.note);
          }
        }
        flush();
        ends += 1;
        if (ends > 1) return sink.state({ is: 'over' });
      } catch (error) {
        if (signal.aborted) return;
        flush();
        const problem = problemOf(error);
        sink.state({ is: 'away', problem });
        if (problem.isEnded || problem.isMissing) return;
        tries += 1;
      }
      await pause(backOffMs(Math.max(1, tries), Math.random()), signal);
    }
  } finally {
    clearInterval(timer);
  }
}

/** What comes before the beginning, oldest first. */
export async function readEarlier(id: string, filter: LogFilter, earlier: Earlier): Promise<Entry[]> {
  const answer = await logs.getLogs({ id, filter, lines: FIRST_LINES, before: earlier.token });
  earlier.token = answer.earlier;
  return answer.lines.map(entryOf);
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
