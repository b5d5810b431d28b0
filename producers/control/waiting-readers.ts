/** Readers of a stream who have all there is, and wait for more: none of them costs anything once he has left. */
export class WaitingReaders {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `wake`, after so long, or when the signal aborts. */
  wait(signal: AbortSignal, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      timer.unref();
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
      if (signal.aborted) done();
    });
  }

  wake(): void {
    for (const reader of [...this.#waiting]) reader();
  }
}
