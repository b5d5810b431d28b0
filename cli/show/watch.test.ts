import { expect, it } from 'vitest';
import { CliError, EXIT } from '../errors.ts';
import { watch, type Screen } from './watch.ts';

/** Reads one after the other of `answers`, then ends. */
async function watched(
  answers: readonly (string | Error)[],
  screen: Partial<Screen> = {},
): Promise<{ written: string[]; ended: unknown }> {
  const ending = new AbortController();
  const rest = [...answers];
  const written: string[] = [];
  const ended = await watch({
    read: async () => {
      const next = rest.shift();
      if (next === undefined) {
        ending.abort();
        return '';
      }
      if (next instanceof Error) throw next;
      return next;
    },
    tell: async (error) => error,
    everyMs: 0,
    screen: { isTerminal: false, rows: undefined, write: (text) => void written.push(text), ...screen },
    signal: ending.signal,
    now: () => new Date('2026-11-29T09:00:00.123Z'),
  }).catch((error: unknown) => error);
  return { written, ended };
}

it('writes what has changed, and only that, where it cannot draw', async () => {
  const { written, ended } = await watched(['a', 'a', 'b']);
  expect(written.join('')).toBe('a\n\nb\n');
  expect(ended).toBeUndefined();
});

it('goes on through what passes, and says so; what does not pass ends it', async () => {
  const away = new CliError('MongoDB is away', EXIT.unreachable);
  const { written } = await watched(['a', away, 'a']);
  expect(written.join('')).toBe('a\n\n… MongoDB is away\n\na\n');
  const denied = new CliError('Nobody is known by it', EXIT.denied);
  expect((await watched(['a', denied, 'b'])).ended).toBe(denied);
});

it('draws over itself on a terminal, line by line, and tells what does not fit', async () => {
  const { written } = await watched(['1\n2\n3\n4\n5'], { isTerminal: true, rows: 5 });
  const drawn = written[1] ?? '';
  expect(drawn.startsWith('\u001b[H2026-11-29T09:00:00Z · Ctrl-C ends it\u001b[K\n')).toBe(true);
  expect(drawn).toContain('1\u001b[K\n2\u001b[K\n… 3 lines more do not fit here\u001b[K\n\u001b[J');
});
