import { Code, ConnectError } from '@connectrpc/connect';
import { pause } from '../../infra/pause.ts';

/** What a stream gives: `position`, where it says one, is where to go on after it. */
export type Positioned = { position: string };

export type FollowOptions<T> = {
  /** Opens the stream after a position; `''`: from its beginning. */
  open: (after: string) => AsyncIterable<T>;
  take: (answer: T) => void;
  /** Told when the stream is interrupted, and it goes on. */
  interrupted: (error: unknown) => Promise<void>;
  signal: AbortSignal;
  againAfterMs?: number;
};

const AGAIN_AFTER_MS = 1_000;

/** Streams have no deadline. */
export const endless = (signal: AbortSignal): { signal: AbortSignal; timeoutMs: number } => ({
  signal,
  timeoutMs: 0,
});

/** A server that is made anew, a reader that was too slow, something away for a while. */
const PASSING: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.Aborted,
  Code.Internal,
  Code.DeadlineExceeded,
]);

/**
 * Takes what a stream gives until it ends or the signal comes. Where it breaks off after its position was known, it goes on
 * from there, again and again: nothing is missed, and nothing taken twice. @throws what it could not begin with, and what
 * does not pass
 */
export async function follow<T extends Positioned>(options: FollowOptions<T>): Promise<void> {
  const { open, take, interrupted, signal, againAfterMs = AGAIN_AFTER_MS } = options;
  let after = '';
  let told = false;
  for (;;) {
    try {
      for await (const answer of open(after)) {
        if (signal.aborted) return;
        told = false;
        take(answer);
        if (answer.position !== '') after = answer.position;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (after === '' || !PASSING.has(ConnectError.from(error).code)) throw error;
      if (!told) await interrupted(error);
      told = true;
      await pause(againAfterMs, signal, { keepsAlive: true });
    }
  }
}
