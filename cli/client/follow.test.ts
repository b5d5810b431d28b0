import { Code, ConnectError } from '@connectrpc/connect';
import { expect, it } from 'vitest';
import { follow } from './follow.ts';

type Answer = { position: string; text: string };
const answer = (text: string, position = text): Answer => ({ position, text });
const away = new ConnectError('away', Code.Unavailable);

/** Each stream in its turn; the last one ends. */
async function followed(...streams: (Answer | ConnectError)[][]) {
  const rest = [...streams];
  const opened: string[] = [];
  const taken: string[] = [];
  const interruptions: unknown[] = [];
  const ended = await follow<Answer>({
    open: async function* (after) {
      opened.push(after);
      for (const next of rest.shift() ?? []) {
        if (next instanceof ConnectError) throw next;
        yield next;
      }
    },
    take: ({ text }) => void taken.push(text),
    interrupted: async (error) => void interruptions.push(error),
    signal: new AbortController().signal,
    againAfterMs: 0,
  }).catch((error: unknown) => error);
  return { opened, taken, interruptions, ended };
}

it('goes on after the last position that was told, and says once that it was interrupted', async () => {
  const { opened, taken, interruptions, ended } = await followed(
    [answer('a'), answer('b'), answer('heartbeat', ''), away],
    [away],
    [answer('c')],
  );
  expect(opened).toEqual(['', 'b', 'b']);
  expect(taken).toEqual(['a', 'b', 'heartbeat', 'c']);
  expect(interruptions).toEqual([away]);
  expect(ended).toBeUndefined();
});

it('does not go on where it never began, nor where it is denied', async () => {
  expect((await followed([away])).ended).toBe(away);
  const denied = new ConnectError('revoked', Code.Unauthenticated);
  expect((await followed([answer('a'), denied], [answer('b')])).ended).toBe(denied);
});

it('ends with its signal', async () => {
  const ending = new AbortController();
  await follow<Answer>({
    open: async function* () {
      yield answer('a');
      throw away;
    },
    take: () => ending.abort(),
    interrupted: async () => expect.fail('it was not interrupted'),
    signal: ending.signal,
  });
});
