import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Changed } from '../changes/change-feed.ts';
import { pause } from '../../infra/pause.ts';
import type { Planner, ResyncReport } from './planner.ts';

/** Between looks at everything when change streams are not to be had; grows with what a look costs. */
const POLL_EVERY_MS = 2_000;
const POLL_COST_FACTOR = 10;
const RETRY_EVERY_MS = 1_000;

/**
 * Runs the planner: at once for what changed, for everything every `resyncEveryMs` and whenever somebody asks. Looks at
 * everything never overlap each other; a request made while one runs is answered by another one after it.
 */
export class PlanLoop {
  readonly #planner: Pick<Planner, 'plan' | 'resync'>;
  readonly #log: Logger;
  readonly #outage: OutageLog;
  readonly #resyncEveryMs: number;
  /** True: no change streams, so everything is looked at all the time. */
  readonly #polling: boolean;
  readonly #onResync: (report: ResyncReport) => void;
  #requested: string | undefined;
  #wake: (() => void) | undefined;
  #lookingAtAll: Promise<void> = Promise.resolve();

  constructor(options: {
    planner: Pick<Planner, 'plan' | 'resync'>;
    log: Logger;
    resyncEveryMs: number;
    polling: boolean;
    onResync?: (report: ResyncReport) => void;
  }) {
    this.#planner = options.planner;
    this.#log = options.log;
    this.#outage = new OutageLog(options.log, 'Planning');
    this.#resyncEveryMs = options.resyncEveryMs;
    this.#polling = options.polling;
    this.#onResync = options.onResync ?? (() => undefined);
  }

  /** Plans what changed; resolves once the jobs are queued, so that the caller may move its position on. */
  async changed(changed: Changed, signal: AbortSignal): Promise<void> {
    if (changed.kind === 'everything') return this.lookAtAll(changed.why);
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#planner.plan(changed.botIds, 'wish');
        this.#outage.recovered();
        return;
      } catch (error) {
        this.#outage.failed(error);
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
    let waitMs = 0;
    while (!signal.aborted) {
      const why = this.#requested ?? 'period';
      this.#requested = undefined;
      const beganMs = performance.now();
      try {
        await this.lookAtAll(why);
        this.#outage.recovered();
        const costMs = performance.now() - beganMs;
        waitMs = this.#polling ? Math.max(POLL_EVERY_MS, costMs * POLL_COST_FACTOR) : this.#resyncEveryMs;
      } catch (error) {
        this.#outage.failed(error);
        waitMs = RETRY_EVERY_MS;
      }
      await this.#sleep(waitMs, signal);
    }
  }

  async #resync(why: string): Promise<void> {
    const report = await this.#planner.resync();
    this.#onResync(report);
    const level = report.transitions > 0 || why !== 'period' ? 'info' : 'debug';
    this.#log[level]({ why, ...report }, 'Looked at every bot');
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#requested !== undefined) return;
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
