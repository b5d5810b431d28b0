import type { Logger } from './logger.ts';
import { messageOf } from './message-of.ts';

export type LifecycleState = 'starting' | 'running' | 'draining' | 'stopped';

/** Why a process ends. */
export type StopReason =
  | { kind: 'signal'; signal: NodeJS.Signals }
  | { kind: 'error'; error: unknown }
  | { kind: 'request'; why: string };

/** Given to each hook: `signal` aborts when the hook's time is up. */
export type StopContext = { reason: StopReason; signal: AbortSignal };

export type StopHook = (context: StopContext) => Promise<void> | void;

export type LifecycleOptions = {
  log: Logger;
  /** Time for all hooks together after a signal. */
  drainDeadlineMs: number;
  /** The same after an uncaught error. */
  errorDeadlineMs?: number;
  /** Monotonic milliseconds. */
  now?: () => number;
};

/** The part of `process` that is used; a test passes its own. */
export type SignalSource = Pick<NodeJS.Process, 'on' | 'off' | 'exit'>;

/**
 * What a hook still gets when those before it have used up the deadline: enough to close a socket, and it runs in any
 * case, so that one stuck hook does not keep leases and locks from being handed back.
 */
const LATE_HOOK_MS = 250;

/**
 * A key press reaches every process of the foreground group, and npm passes the signal on to its child as well: the
 * same signal again so soon is the same wish.
 */
const DUPLICATE_SIGNAL_MS = 250;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/**
 * The life of a process: starting → running → draining → stopped. Hooks are run in the reverse order of their
 * registration, one after the other, so what was opened first is closed last. What takes work in begins to stop before
 * the first of them (`onDrain`).
 */
export class Lifecycle {
  readonly #log: Logger;
  readonly #options: Required<Omit<LifecycleOptions, 'log'>>;
  readonly #hooks: { name: string; hook: StopHook; atOnce: boolean }[] = [];
  readonly #firstHooks: { name: string; hook: StopHook; deadlineMs: number }[] = [];
  readonly #stopWanted = new AbortController();
  readonly #abort = new AbortController();
  #state: LifecycleState = 'starting';
  #stopping: Promise<void> | undefined;

  constructor(options: LifecycleOptions) {
    this.#log = options.log;
    this.#options = {
      drainDeadlineMs: options.drainDeadlineMs,
      errorDeadlineMs: options.errorDeadlineMs ?? 3_000,
      now: options.now ?? (() => performance.now()),
    };
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Aborts as soon as a stop is wanted, before anything is stopped: what only prepares more work gives up then. */
  get stopping(): AbortSignal {
    return this.#stopWanted.signal;
  }

  /** Aborts when draining begins: loops take no new work from then on. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** To be called once everything is up; without effect when a stop has begun meanwhile. */
  started(): void {
    if (this.#state === 'starting') this.#state = 'running';
  }

  /** Registers what has to be undone. Throws when draining has begun: the caller closes what it has just opened. */
  onStop(name: string, hook: StopHook): void {
    this.#register(name, hook, false);
  }

  /**
   * The same for what takes work in: it begins to stop the moment draining begins, beside all others of its kind, so that
   * no hook that hangs before it keeps it at work. In its turn it is only waited for.
   */
  onDrain(name: string, hook: StopHook): void {
    this.#register(name, hook, true);
  }

  /**
   * Registers what needs everything still at work, such as asking the runtime to stop the bots. Done before anything
   * else, with a deadline of its own; only then is `signal` aborted.
   */
  beforeDrain(name: string, deadlineMs: number, hook: StopHook): void {
    this.#firstHooks.push({ name, hook, deadlineMs });
  }

  /** Drains and stops; later calls wait for the first. Never rejects: what goes wrong in a hook is logged. */
  stop(reason: StopReason): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  /**
   * Handles signals and uncaught errors for the process. The first signal drains, a second ends the process at once.
   * Returns what takes the handlers off again.
   */
  install(target: SignalSource = process): () => void {
    let first: { signal: NodeJS.Signals; at: number } | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const at = this.#options.now();
      if (first === undefined) {
        first = { signal, at };
        this.#log.info({ signal }, 'stopping; the same signal again ends it now');
        void this.stop({ kind: 'signal', signal }).then(() => target.exit(0));
        return;
      }
      if (signal === first.signal && at - first.at < DUPLICATE_SIGNAL_MS) return;
      this.#log.warn({ signal }, 'second signal: ending now');
      target.exit(128 + (SIGNAL_NUMBERS[signal] ?? 0));
    };
    const onError = (error: unknown): void => {
      this.#log.fatal(
        { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        'uncaught error',
      );
      void this.stop({ kind: 'error', error }).then(() => target.exit(1));
    };
    for (const signal of SIGNALS) target.on(signal, onSignal);
    target.on('uncaughtException', onError);
    target.on('unhandledRejection', onError);
    return () => {
      for (const signal of SIGNALS) target.off(signal, onSignal);
      target.off('uncaughtException', onError);
      target.off('unhandledRejection', onError);
    };
  }

  #register(name: string, hook: StopHook, atOnce: boolean): void {
    if (this.#stopping !== undefined) throw new Error(`${name} was started while the process was stopping`);
    this.#hooks.push({ name, hook, atOnce });
  }

  async #stop(reason: StopReason): Promise<void> {
    this.#state = 'draining';
    this.#stopWanted.abort();
    for (const { name, hook, deadlineMs } of this.#firstHooks)
      await this.#run(name, hook, reason, deadlineMs);
    this.#abort.abort();
    const budget = reason.kind === 'error' ? this.#options.errorDeadlineMs : this.#options.drainDeadlineMs;
    const deadline = this.#options.now() + budget;
    const hooks = this.#hooks
      .toReversed()
      .map(({ name, hook, atOnce }) => ({ name, hook: atOnce ? begun(hook, reason) : hook }));
    for (const { name, hook } of hooks) {
      await this.#run(name, hook, reason, Math.max(deadline - this.#options.now(), LATE_HOOK_MS));
    }
    this.#state = 'stopped';
  }

  async #run(name: string, hook: StopHook, reason: StopReason, budgetMs: number): Promise<void> {
    const timeout = new AbortController();
    const timer = Promise.withResolvers<'late'>();
    const handle = setTimeout(() => {
      timeout.abort();
      timer.resolve('late');
    }, budgetMs);
    try {
      const work = (async () => hook({ reason, signal: timeout.signal }))();
      if ((await Promise.race([work, timer.promise])) === 'late') {
        this.#log.warn({ hook: name, budgetMs: Math.round(budgetMs) }, 'did not stop in time');
        work.catch((error: unknown) =>
          this.#log.warn({ hook: name, error: messageOf(error) }, 'failed while stopping'),
        );
      }
    } catch (error) {
      this.#log.warn({ hook: name, error: messageOf(error) }, 'failed while stopping');
    } finally {
      clearTimeout(handle);
    }
  }
}

/** Runs a hook now, and gives one that only waits for it. */
function begun(hook: StopHook, reason: StopReason): StopHook {
  const timeout = new AbortController();
  const work = (async () => hook({ reason, signal: timeout.signal }))();
  // A failure is told in its turn; until then somebody has to listen.
  work.catch(() => undefined);
  return ({ signal }) => {
    signal.addEventListener('abort', () => timeout.abort(), { once: true });
    return work;
  };
}
