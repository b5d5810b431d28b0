import { InvalidArgumentError, Option } from 'commander';
import type { Api } from '../client/api.ts';
import { withApi } from '../client/with-api.ts';
import type { Look } from '../show/table.ts';
import { watch } from '../show/watch.ts';
import type { ApiFlags } from './api-command.ts';
import { look, printJson } from './flags.ts';

export type WatchFlags = ApiFlags & { watch?: number };

const USUAL_SECONDS = 2;

export const watchFlag = (): Option =>
  new Option('-w, --watch [seconds]', `show it again and again, until Ctrl-C; every ${USUAL_SECONDS} s`)
    .preset(String(USUAL_SECONDS))
    .argParser((text: string) => {
      const value = Number(text);
      if (!Number.isFinite(value) || value < 0.2 || value > 3_600)
        throw new InvalidArgumentError('Expected seconds from 0.2 to 3600.');
      return value;
    });

/**
 * Asks the API and shows what it says: as JSON, for people, or again and again for them. With both, each time one line of
 * JSON where it has changed.
 */
export async function show<T>(
  flags: WatchFlags,
  ask: (api: Api) => Promise<T>,
  words: (answer: T, look: Look) => string,
): Promise<void> {
  const { json = false, watch: seconds } = flags;
  await withApi(flags, async (api, tell) => {
    if (seconds === undefined) {
      const answer = await ask(api);
      if (json) printJson(answer);
      else console.log(words(answer, look()));
      return;
    }
    const { stdout } = process;
    await untilInterrupted((signal) =>
      watch({
        read: async () => {
          const answer = await ask(api);
          return json ? JSON.stringify(answer) : words(answer, look());
        },
        tell,
        everyMs: seconds * 1_000,
        screen: {
          isTerminal: stdout.isTTY && !json,
          rows: stdout.rows,
          write: (text) => void stdout.write(text),
        },
        signal,
      }),
    );
  });
}

/** Ctrl-C ends what goes on for ever in order: connections are closed, and it is no failure. */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    return await work(ending.signal);
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}
