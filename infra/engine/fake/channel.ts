/** A queue with one reader: what is put in comes out in order; `end` and `fail` come after all that was put in. */
export class Channel<Item> implements AsyncIterable<Item> {
  #items: Item[] = [];
  #closed: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  put(item: Item): void {
    if (this.#closed !== undefined) return;
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#closed ??= {};
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#closed ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for (;;) {
      const items = this.#items;
      this.#items = [];
      yield* items;
      if (this.#items.length > 0) continue;
      if (this.#closed !== undefined) {
        if ('error' in this.#closed) throw this.#closed.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
