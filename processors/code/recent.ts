/** Values that are believed for a moment; bounded in number, the oldest go first. */
export class Recent<T> {
  readonly #entries = new Map<string, { value: T; atMs: number }>();
  readonly #options: { keepMs: number; most: number; now: () => number };

  constructor(options: { keepMs: number; most: number; now: () => number }) {
    this.#options = options;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#options.now() - entry.atMs < this.#options.keepMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, atMs: this.#options.now() });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#options.most && oldest !== undefined) this.#entries.delete(oldest);
  }
}
