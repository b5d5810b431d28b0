import type { Logger } from '../infra/logger.ts';

const ASK_EVERY_MS = 1_000;

/** The part of a BullMQ worker that is used. */
export type Pausable = { pause(doNotWaitActive: boolean): Promise<unknown>; resume(): Promise<unknown> };

/**
 * Takes a process out of service while it cannot reach what its work needs: its workers take no jobs, and those in hand
 * go back to the queue. Otherwise the one processor that lost MongoDB would take its share of all jobs and sit on it.
 */
export class Standby {
  readonly #probe: () => Promise<unknown>;
  readonly #log: Logger;
  readonly #workers: Pausable[] = [];
  #away = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #stopped = true;

  /** `probe` rejects, within seconds, while the work cannot be done. */
  constructor(options: { probe: () => Promise<unknown>; log: Logger }) {
    this.#probe = options.probe;
    this.#log = options.log;
  }

  /** Aborts when service ends; another one begins with the next service. */
  get away(): AbortSignal {
    return this.#away.signal;
  }

  add(worker: Pausable): void {
    this.#workers.push(worker);
  }

  start(): void {
    this.#stopped = false;
    this.#arm();
  }

  /** From now on nothing is paused or resumed. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look().finally(() => this.#arm()), ASK_EVERY_MS).unref();
  }

  async #look(): Promise<void> {
    const works = await this.#works();
    if (this.#stopped || works === !this.away.aborted) return;
    if (works) {
      this.#away = new AbortController();
      for (const worker of this.#workers) await worker.resume();
      this.#log.info('Jobs are taken again');
    } else {
      for (const worker of this.#workers) await worker.pause(true);
      this.#away.abort(new Error('what this job needs cannot be reached'));
      this.#log.warn('No jobs are taken until what they need can be reached again');
    }
  }

  async #works(): Promise<boolean> {
    try {
      await this.#probe();
      return true;
    } catch {
      // Why, the connection's own outage log says.
      return false;
    }
  }
}
