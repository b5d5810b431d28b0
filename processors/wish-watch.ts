import { sameDesire, type Desired } from './desired.ts';

/** Thrown into a long step when what it works for is no longer wanted. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
  constructor() {
    super('a newer wish overtook this one');
  }
}

/**
 * Runs a step that may take long while listening for newer wishes: it re-reads the desired state now and then, and
 * aborts the step as soon as that asks for something else. Short steps never cost a read.
 */
export async function whileWanted<T>(
  options: { desired: Desired; read: () => Promise<Desired>; everyMs: number; signal: AbortSignal },
  step: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const overtaken = new AbortController();
  const signal = AbortSignal.any([options.signal, overtaken.signal]);
  let reading = false;
  const timer = setInterval(() => {
    if (reading) return;
    reading = true;
    options
      .read()
      .then((now) => {
        if (!sameDesire(options.desired, now)) overtaken.abort(new Superseded());
      })
      .catch(() => {
        // MongoDB is away for the moment: the step goes on, and the check before the start will decide.
      })
      .finally(() => {
        reading = false;
      });
  }, options.everyMs);
  timer.unref();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([step(signal), aborted]);
  } finally {
    clearInterval(timer);
    // A listener would keep this signal alive for as long as the processor's own, and there is one for each start.
    signal.removeEventListener('abort', onAbort);
    // The loser of the race must not surface as an unhandled rejection.
    aborted.catch(() => undefined);
  }
}
