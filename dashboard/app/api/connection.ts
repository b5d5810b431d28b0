import { signal } from '@preact/signals';
import { problemOf } from './problem.ts';

/** Whether what is seen is kept up to date. `ended`: the API answers, but not to this session any more. */
export type Connection =
  { state: 'up' } | { state: 'away'; sinceMs: number; nextTryAtMs: number; why: string } | { state: 'ended' };

/** `sinceMs` and `nextTryAtMs` by the browser's monotonic clock: no clock that is set can confuse the back-off. */
export const connection = signal<Connection>({ state: 'up' });

/** Counts how often the API came back: whatever was loaded before is loaded again. */
export const recoveries = signal(0);

/** Counts how often what is seen has to be read again, though nothing was away: where no stream tells of changes, or none did yet. */
export const polls = signal(0);

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** How long to wait after so many tries in a row that failed, 1 for the first. `random`: in [0, 1). */
export function backOffMs(tries: number, random: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1));
  // Half of it by chance: a hundred pages must not all come back in the same moment.
  return Math.round(whole / 2 + (whole / 2) * random);
}

let wake: (() => void) | undefined;

/** Tries at once, where the next try is still waited for. */
export const tryNow = (): void => wake?.();

export function cameBack(): void {
  const wasAway = connection.peek().state === 'away';
  if (connection.peek().state !== 'up') connection.value = { state: 'up' };
  if (wasAway) recoveries.value += 1;
}

/** Tells what a failure says about the connection. */
export function sawFailure(thrown: unknown): void {
  const { isEnded, isAway } = problemOf(thrown);
  if (isEnded) connection.value = { state: 'ended' };
  // The live stream looks more closely, and says so where it cannot be reached either.
  else if (isAway) tryNow();
}

/** Says that what is seen is not kept up to date, and why, and waits until it is time for the next try. */
export async function waitAway(tries: number, why: string): Promise<void> {
  const nowMs = performance.now();
  const before = connection.peek();
  const waitMs = backOffMs(tries, Math.random());
  connection.value = {
    state: 'away',
    sinceMs: before.state === 'away' ? before.sinceMs : nowMs,
    nextTryAtMs: nowMs + waitMs,
    why,
  };
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      wake = undefined;
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    addEventListener('online', done);
    wake = done;
  });
}
