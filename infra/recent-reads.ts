export type RecentReadsOptions<T> = {
  read: (id: string) => Promise<T | null>;
  /** Never jumps, milliseconds. */
  monotonicMs?: () => number;
  /** What was read counts for so long: a change elsewhere is seen this much later at most. */
  freshMs?: number;
  /** While the database is away, so long after it was last read. */
  graceMs?: number;
  maxKept?: number;
};

type Kept<T> = { value: T; readAtMs: number };

/**
 * Documents that are asked for at every request, each read at most once a second, whatever the number of requests. While the
 * database is away, what was read last counts: nobody can have changed it meanwhile.
 */
export class RecentReads<T> {
  readonly #options: Required<RecentReadsOptions<T>>;
  readonly #kept = new Map<string, Kept<T>>();
  readonly #reading = new Map<string, Promise<T | null>>();
  /** The last look failed: what is known is told at once, and the database is asked in the background. */
  #away = false;

  constructor(options: RecentReadsOptions<T>) {
    this.#options = {
      monotonicMs: () => performance.now(),
      freshMs: 1_000,
      graceMs: 600_000,
      maxKept: 1_000,
      ...options,
    };
  }

  get isAway(): boolean {
    return this.#away;
  }

  /** @throws what reading threw, where the document was not seen of late */
  async find(id: string): Promise<T | null> {
    const kept = this.#kept.get(id);
    const age = kept === undefined ? Infinity : this.#age(kept);
    if (kept !== undefined && age < this.#options.freshMs) return kept.value;
    const reading = this.#read(id);
    if (kept === undefined || age >= this.#options.graceMs) return reading;
    if (this.#away) {
      reading.catch(() => undefined); // Whoever needs its answer asks again.
      return kept.value;
    }
    return reading.catch(() => kept.value);
  }

  /** Remembers what was found. Its caller decides that it is worth it: what anybody may ask for would fill the memory. */
  keep(id: string, value: T): void {
    if (this.#kept.has(id)) return;
    if (this.#kept.size >= this.#options.maxKept) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(id, { value, readAtMs: this.#options.monotonicMs() });
  }

  /** What was read within the time of grace, without a look. */
  peek(id: string): T | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && this.#age(kept) < this.#options.graceMs ? kept.value : undefined;
  }

  forget(id: string): void {
    this.#kept.delete(id);
  }

  #read(id: string): Promise<T | null> {
    const pending = this.#reading.get(id);
    if (pending !== undefined) return pending;
    const askedAtMs = this.#options.monotonicMs();
    const reading = this.#options
      .read(id)
      .then(
        (value) => {
          this.#away = false;
          const kept = this.#kept.get(id);
          if (kept === undefined) return value;
          if (value === null) this.#kept.delete(id);
          // As of when it was asked: the answer may have been long on its way.
          else Object.assign(kept, { value, readAtMs: askedAtMs });
          return value;
        },
        (error: unknown) => {
          this.#away = true;
          throw error;
        },
      )
      .finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    return reading;
  }

  #age({ readAtMs }: Kept<T>): number {
    return this.#options.monotonicMs() - readAtMs;
  }
}
