export type LoginLimiterOptions = {
  /** Wrong tries that cost nothing: people mistype. */
  freeTries?: number;
  firstWaitMs?: number;
  maxWaitMs?: number;
  /** A client's failures are forgotten after so long without another. */
  forgetMs?: number;
  maxClients?: number;
  /** Wall-clock milliseconds. */
  now?: () => number;
};

type Client = { failures: number; lastAt: number; lockedUntil: number };

/** Slows down guessing: after some wrong tries a client waits, each time twice as long, right token or not. */
export class LoginLimiter {
  readonly #options: Required<LoginLimiterOptions>;
  readonly #clients = new Map<string, Client>();

  constructor(options: LoginLimiterOptions = {}) {
    this.#options = {
      freeTries: 5,
      firstWaitMs: 1_000,
      maxWaitMs: 300_000,
      forgetMs: 900_000,
      maxClients: 10_000,
      now: Date.now,
      ...options,
    };
  }

  /** Milliseconds this client still has to wait; 0: it may try. */
  waitMs(client: string): number {
    return Math.max(0, (this.#clients.get(client)?.lockedUntil ?? 0) - this.#options.now());
  }

  failed(client: string): void {
    const { freeTries, firstWaitMs, maxWaitMs, forgetMs, maxClients, now } = this.#options;
    const at = now();
    const known = this.#clients.get(client);
    const failures = (known === undefined || at - known.lastAt > forgetMs ? 0 : known.failures) + 1;
    const over = failures - freeTries;
    const wait = over < 0 ? 0 : Math.min(firstWaitMs * 2 ** Math.min(over, 30), maxWaitMs);
    // Deleting first moves the client to the end: the map stays in order of the last failure.
    this.#clients.delete(client);
    this.#clients.set(client, { failures, lastAt: at, lockedUntil: at + wait });
    if (this.#clients.size > maxClients) {
      const [longestQuiet] = this.#clients.keys();
      if (longestQuiet !== undefined) this.#clients.delete(longestQuiet);
    }
  }

  succeeded(client: string): void {
    this.#clients.delete(client);
  }
}
