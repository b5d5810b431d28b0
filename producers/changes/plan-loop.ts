import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import type { Changed } from './change-feed.ts';

/** Between looks at everything when change streams are not to be had; grows with what a look costs. */
const POLL_EVERY_MS = 2_000;
const POLL_COST_FACTOR = 10;
const RETRY_EVERY_MS = 1_000;

/** What is to be planned: bots, or schedules. Both resolve once what follows from it is queued. */
export type Plannable<Look extends object> = {
  plan(ids: readonly string[]): Promise<unknown>;
  /** Looks at everything and reports, for the log. */
  resync(): Promise<Look>;
};

export type PlanLoopOptions<Look extends object> = {
  planner: Plannable<Look>;
  log: Logger;
  /** The log's line after each look at everything. */
  lookedMessage: string;
  /** Whether a periodic look found anything that an operator would want to read. */
  isNews: (look: Look) => boolean;
  resyncEveryMs: number;
  /** Looks rest so many times as long as the last one took, where that is more than the period. Default 0. */
  restFactor?: number;
  /** True: no change streams, so everything is looked at all the time. */
  polling: boolean;
  /**
   * How long a periodic look waits for a quiet moment, given how long the last one took; one that somebody asked for never
   * does, nor one by which changes are noticed. Unset: none waits.
   */
  quietWaitMs?: (lastTookMs: number) => number;
  /** `why`: `period`, or who asked. */
  onResync?: (look: Look, why: string) => void;
  /** After each look at everything, whatever came of it: the loop turns also while a server is away. */
  onRound?: () => void;
};

/**
 * Runs a planner: at once for what changed, for everything every `resyncEveryMs` and whenever somebody asks. Looks at
 * everything never overlap each other; a request made while one runs is answered by another one after it.
 */
export class PlanLoop<Look extends object> {
  readonly #options: PlanLoopOptions<Look>;
  /** Of looks at everything and at what changed: one may fail while the other does not. */
  readonly #outages: { everything: OutageLog; changes: OutageLog };
  #requested: string | undefined;
  #wake: (() => void) | undefined;
  #lookingAtAll: Promise<void> = Promise.resolve();

  constructor(options: PlanLoopOptions<Look>) {
    this.#options = options;
    this.#outages = {
      everything: new OutageLog(options.log, 'Planning'),
      changes: new OutageLog(options.log, 'Planning of what changed'),
    };
  }

  /** Plans what changed; resolves once the jobs are queued, so that the caller may move its position on. */
  async changed(changed: Changed, signal: AbortSignal): Promise<void> {
    if (changed.kind === 'everything') return this.lookAtAll(changed.why);
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#options.planner.plan(changed.ids);
        this.#outages.changes.recovered();
        return;
      } catch (error) {
        this.#outages.changes.failed(error);
        await pause(RETRY_EVERY_MS, signal);
      }
    }
  }

  /** Looks at everything, after a look that is under way; throws if it cannot. */
  lookAtAll(why: string): Promise<void> {
    const next = this.#lookingAtAll.catch(() => undefined).then(() => this.#resync(why));
    this.#lookingAtAll = next;
    // Whoever asked hears of a failure; the chain itself must not end as an unhandled rejection.
    next.catch(() => undefined);
    return next;
  }

  /** Asks for a look at everything soon, without waiting for it. */
  request(why: string): void {
    this.#requested = why;
    this.#wake?.();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#requested ??= 'start';
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    let tookMs = 0;
    while (!signal.aborted) {
      const why = this.#requested ?? 'period';
      this.#requested = undefined;
      const beganMs = performance.now();
      let restMs = RETRY_EVERY_MS;
      try {
        await this.lookAtAll(why);
        this.#outages.everything.recovered();
        tookMs = performance.now() - beganMs;
        restMs = this.#restMs(tookMs);
      } catch (error) {
        this.#outages.everything.failed(error);
        // The next one is late as it is.
        tookMs = 0;
      }
      await this.#sleep(restMs, signal);
      await this.#sleep(this.#quietWaitMs(tookMs), signal);
    }
  }

  async #resync(why: string): Promise<void> {
    const { planner, onResync, onRound, isNews, log, lookedMessage } = this.#options;
    const look = await planner.resync().finally(onRound);
    onResync?.(look, why);
    const fields: Record<string, unknown> = { why, ...look };
    log[isNews(look) || why !== 'period' ? 'info' : 'debug'](fields, lookedMessage);
  }

  #restMs(costMs: number): number {
    const { polling, resyncEveryMs, restFactor = 0 } = this.#options;
    return polling
      ? Math.max(POLL_EVERY_MS, costMs * POLL_COST_FACTOR)
      : Math.max(resyncEveryMs, costMs * restFactor);
  }

  #quietWaitMs(tookMs: number): number {
    const { polling, quietWaitMs } = this.#options;
    return polling || quietWaitMs === undefined ? 0 : quietWaitMs(tookMs);
  }

  /** Until then, or until somebody asks for a look. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted || this.#requested !== undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
