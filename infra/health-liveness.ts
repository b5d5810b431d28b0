/** A loop under watch: it calls `tick` each time round, and `stop` when it ends on purpose. */
export type Watch = { tick(): void; stop(): void };

export type LivenessOptions = {
  /** Event loop stuck for longer than this: unhealthy. */
  stallLimitMs?: number;
  /** How long such a stall is remembered, so that the next probe hears of it. */
  stallMemoryMs?: number;
  /** Monotonic milliseconds. */
  now?: () => number;
};

const BEAT_MS = 500;

/**
 * Whether the process does its work. A loop that is stuck right now cannot answer at all, and the probe times out;
 * a loop that was stuck and came back, and loops of ours that have fallen silent, are reported here.
 */
export class Liveness implements Disposable {
  readonly #now: () => number;
  readonly #stallLimitMs: number;
  readonly #stallMemoryMs: number;
  readonly #watched = new Map<symbol, { name: string; maxSilenceMs: number; last: number }>();
  #timer: NodeJS.Timeout | undefined;
  #lastBeat: number;
  #stall: { ms: number; at: number } | undefined;

  constructor(options: LivenessOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#stallLimitMs = options.stallLimitMs ?? 10_000;
    this.#stallMemoryMs = options.stallMemoryMs ?? 10_000;
    this.#lastBeat = this.#now();
  }

  start(): void {
    this.#lastBeat = this.#now();
    this.#timer ??= setInterval(() => this.beat(), BEAT_MS).unref();
  }

  /** One heartbeat of the event loop; called by a timer. */
  beat(): void {
    const now = this.#now();
    const silence = now - this.#lastBeat;
    if (silence > this.#stallLimitMs) this.#stall = { ms: silence, at: now };
    this.#lastBeat = now;
  }

  /** Watches a loop that must call `tick` at least every `maxSilenceMs`. */
  watch(name: string, options: { maxSilenceMs: number }): Watch {
    const key = Symbol(name);
    const entry = { name, maxSilenceMs: options.maxSilenceMs, last: this.#now() };
    this.#watched.set(key, entry);
    return {
      tick: () => {
        entry.last = this.#now();
      },
      stop: () => void this.#watched.delete(key),
    };
  }

  /** What is wrong, in words; empty when all is well. */
  problems(): string[] {
    if (this.#timer !== undefined) this.beat();
    const now = this.#now();
    const problems: string[] = [];
    if (this.#stall !== undefined && now - this.#stall.at < this.#stallMemoryMs)
      problems.push(`the event loop was stuck for ${seconds(this.#stall.ms)}`);
    for (const { name, maxSilenceMs, last } of this.#watched.values())
      if (now - last > maxSilenceMs)
        problems.push(
          `${name}: silent for ${seconds(now - last)}, at most ${seconds(maxSilenceMs)} are allowed`,
        );
    return problems;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
