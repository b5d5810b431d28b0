import { EngineError } from '../errors.ts';
import { DockerRefusal, timedOut, unreachable } from './failures.ts';

export type CallLimitsOptions = {
  /** How messages name the engine, and what the call is for. */
  label: string;
  doing: string;
  /** 0: none. */
  timeoutMs: number;
  signals: readonly (AbortSignal | undefined)[];
};

/** The time-out and the abort signals of one call, as one signal. */
export class CallLimits implements Disposable {
  readonly #controller = new AbortController();
  readonly #options: CallLimitsOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CallLimitsOptions) {
    this.#options = options;
    const { label, doing, timeoutMs } = options;
    if (timeoutMs > 0)
      this.#timer = setTimeout(
        () => this.#controller.abort(timedOut(label, doing, timeoutMs)),
        timeoutMs,
      ).unref();
    for (const signal of options.signals) {
      if (signal?.aborted === true) this.#controller.abort(signal.reason);
      else signal?.addEventListener('abort', this.#onAbort);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins the time-out anew. */
  readonly progressed = (): void => {
    this.#timer?.refresh();
  };

  /** Rejects with the time-out or the caller's reason, rather than with the transport's account of being aborted. */
  async guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (this.signal.aborted) throw this.signal.reason;
      if (error instanceof DockerRefusal || error instanceof EngineError) throw error;
      throw unreachable(error, this.#options.label, this.#options.doing);
    }
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.stopTimer();
    for (const signal of this.#options.signals) signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (event: Event): void => {
    this.#controller.abort((event.target as AbortSignal).reason);
  };
}
