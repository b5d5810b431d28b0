/**
 * Runs tasks of one key strictly one after the other, tasks of different keys side by side, at most `width` at once.
 * Tasks must not throw.
 */
export class Lanes {
  readonly #width: number;
  readonly #tails = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(width: number) {
    this.#width = width;
  }

  add(key: string, task: () => Promise<void>): void {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const tail = before.then(() => this.#inSlot(task));
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
  }

  /** Resolves when nothing is left of what was added so far. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  async #inSlot(task: () => Promise<void>): Promise<void> {
    if (this.#busy >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy += 1;
    try {
      await task();
    } finally {
      // A slot passes straight to the next in line, so that a newcomer cannot take it in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }
}
