import { classify, S3Unavailable, type CallContext } from './errors.ts';
import { withSignal } from './transport.ts';

export type TimeLimits = {
  /** How long a call without a body may take. Default 10 s. */
  callTimeoutMs?: number;
  /** How long a transfer may go without a single byte. Default 15 s. */
  stallTimeoutMs?: number;
  /** How long a transfer may take in all. Default 10 min. */
  transferTimeoutMs?: number;
};

type Context = Omit<CallContext, 'endpoint'>;

/** Sees to it that every call ends in bounded time, and only with an error of ours or the caller's own reason. */
export class Bounds {
  readonly #endpoint: string;
  readonly #limits: Required<TimeLimits>;

  constructor(endpoint: string, limits: TimeLimits) {
    this.#endpoint = endpoint;
    this.#limits = {
      callTimeoutMs: limits.callTimeoutMs ?? 10_000,
      stallTimeoutMs: limits.stallTimeoutMs ?? 15_000,
      transferTimeoutMs: limits.transferTimeoutMs ?? 600_000,
    };
  }

  call<T>(context: Context, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#run(context, this.#limits.callTimeoutMs, [signal], () => work());
  }

  /** As `call`, with the longer limit of a transfer, and given up when nothing moves: `progress` says that it does. */
  async transfer<T>(
    context: Context,
    signal: AbortSignal | undefined,
    work: (progress: () => void, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    using stall = this.#alarm(context, this.#limits.stallTimeoutMs, 'nothing moved for');
    const progress = (): void => stall.postpone();
    return await this.#run(context, this.#limits.transferTimeoutMs, [signal, stall.signal], (inner) =>
      work(progress, inner),
    );
  }

  async #run<T>(
    context: Context,
    timeoutMs: number,
    signals: readonly (AbortSignal | undefined)[],
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    using limit = this.#alarm(context, timeoutMs, 'no answer within');
    const any = AbortSignal.any([limit.signal, ...signals.filter((signal) => signal !== undefined)]);
    any.throwIfAborted();
    try {
      return await Promise.race([withSignal(any, () => work(any)), rejection(any)]);
    } catch (error) {
      // An aborted request fails with whatever its socket says: the reason tells why it was aborted.
      any.throwIfAborted();
      throw classify(error, { ...context, endpoint: this.#endpoint });
    }
  }

  #alarm(
    context: Context,
    afterMs: number,
    what: string,
  ): Disposable & { signal: AbortSignal; postpone: () => void } {
    const controller = new AbortController();
    const message = `S3 at ${this.#endpoint} could not ${context.what}: ${what} ${afterMs} ms`;
    const timer = setTimeout(() => controller.abort(new S3Unavailable(message)), afterMs);
    timer.unref();
    return {
      signal: controller.signal,
      postpone: () => void timer.refresh(),
      [Symbol.dispose]: () => clearTimeout(timer),
    };
  }
}

/** Never resolves; rejects when the signal fires, in case the library does not notice its closed socket. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
