/** What a probe found out, or why it could not. */
export type Probed<T> = { found: T } | { error: unknown };

/** The probe was given up. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code = 'no_answer';
  readonly retryable = true;
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
  }
}

export const PATIENCE_MS = 3_000;

/**
 * Runs `work` for at most `timeoutMs`; never rejects. `work` closes what it opened when `signal` aborts, and what it
 * still says after that is not heard.
 */
export async function probe<T>(
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number = PATIENCE_MS,
): Promise<Probed<T>> {
  const limit = new AbortController();
  const late = Promise.withResolvers<Probed<T>>();
  const timer = setTimeout(() => {
    const error = new NoAnswer(timeoutMs);
    late.resolve({ error });
    limit.abort(error);
  }, timeoutMs);
  const asked: Promise<Probed<T>> = (async () => work(limit.signal))().then(
    (found) => ({ found }),
    (error: unknown) => ({ error }),
  );
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export const foundBy = <T>(probed: Probed<T>): T | undefined =>
  'found' in probed ? probed.found : undefined;

/** The first line of what an error says: drivers add stacks of hints after it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const line = (error.message.split('\n')[0] ?? '').trim();
  if (line !== '') return line;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.name;
}
