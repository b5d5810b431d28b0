import { NotReadyYet } from './errors.ts';

type Task<T> = { result: Promise<T>; abort: AbortController; lastWantedMs: number; settled: boolean };

/**
 * Slow work (image pulls, code downloads) that several jobs may want: done once per key, in the background. A job waits
 * a moment and then comes back later instead of holding its slot, so that a slow pull never delays other bots; work
 * that nobody has asked for any more is aborted.
 */
export class Background<T> implements AsyncDisposable {
  readonly #tasks = new Map<string, Task<T>>();
  readonly #patienceMs: number;
  readonly #interestMs: number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  /** `patienceMs`: how long a caller waits. `interestMs`: how long work goes on without being asked for again. */
  constructor(options: { patienceMs: number; interestMs: number; now?: () => number }) {
    this.#patienceMs = options.patienceMs;
    this.#interestMs = options.interestMs;
    this.#now = options.now ?? (() => performance.now());
    this.#timer = setInterval(() => this.#dropUnwanted(), Math.max(250, options.interestMs / 4));
    this.#timer.unref();
  }

  /**
   * The result of the work of `key`, started by the first caller. Throws `NotReadyYet(waitingFor())` when patience runs
   * out, and the work's own error (once: the next caller starts it anew) when it failed.
   */
  async get(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    waitingFor: () => string,
    signal?: AbortSignal,
  ): Promise<T> {
    const task = this.#tasks.get(key) ?? this.#begin(key, work);
    task.lastWantedMs = this.#now();
    let timer: NodeJS.Timeout | undefined;
    let onAbort = (): void => undefined;
    const patience = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NotReadyYet(waitingFor())), this.#patienceMs);
      onAbort = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      const result = await Promise.race([task.result, patience]);
      this.#forget(key, task);
      return result;
    } catch (error) {
      if (task.settled) this.#forget(key, task);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Task<T> {
    const abort = new AbortController();
    const task: Task<T> = { result: work(abort.signal), abort, lastWantedMs: this.#now(), settled: false };
    const settle = (): void => {
      task.settled = true;
    };
    // A rejection that nobody waits for at that moment is kept for the next caller, not an unhandled one.
    task.result.then(settle, settle);
    this.#tasks.set(key, task);
    return task;
  }

  #forget(key: string, task: Task<T>): void {
    if (this.#tasks.get(key) === task) this.#tasks.delete(key);
  }

  #dropUnwanted(): void {
    for (const [key, task] of this.#tasks) {
      if (this.#now() - task.lastWantedMs <= this.#interestMs) continue;
      task.abort.abort(new Error('nobody wants this any more'));
      this.#forget(key, task);
    }
  }

  /** Aborts everything and waits until it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const tasks = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of tasks) task.abort.abort(new Error('the processor is stopping'));
    await Promise.allSettled(tasks.map((task) => task.result));
  }
}
