import { Liveness, type LivenessOptions, type Watch } from './health-liveness.ts';
import type { Logger } from './logger.ts';
import { OutageLog } from './logger.ts';
import { loginRefusal, refusalInWords } from './login-refusal.ts';

/** Throws when what it probes cannot be used; the message says what is the matter. `signal` aborts at the time-out. */
export type Probe = (signal: AbortSignal) => Promise<unknown>;

export type CheckOptions = {
  /** A failure makes the process degraded instead of not ready. */
  degradesOnly?: boolean;
  everyMs?: number;
  timeoutMs?: number;
};

export type Readiness = { status: 'ok' | 'degraded' | 'not-ready'; reasons: string[] };

type DegradedReason = string | (() => string | undefined);

export type HealthOptions = LivenessOptions & {
  log: Logger;
  /** Whether the process as a whole takes work: false while it starts and from the moment it drains. */
  isServing: () => string | undefined;
};

type Check = {
  probe: Probe;
  degradesOnly: boolean;
  everyMs: number;
  timeoutMs: number;
  /** Undefined: fine. Before the first probe has answered, that is the problem. */
  problem: string | undefined;
  timer: NodeJS.Timeout | undefined;
  outage: OutageLog;
};

/**
 * What the process needs, probed in the background so that an answer never waits for a server that is away.
 * `ready` fails when a need is not met, `live` when the process itself is stuck.
 */
export class Health implements Disposable {
  readonly #log: Logger;
  readonly #isServing: () => string | undefined;
  readonly #liveness: Liveness;
  readonly #checks = new Map<string, Check>();
  readonly #degraded = new Map<string, DegradedReason>();
  #running = false;

  constructor(options: HealthOptions) {
    this.#log = options.log;
    this.#isServing = options.isServing;
    this.#liveness = new Liveness(options);
  }

  /** Registers a need by name, such as `mongo`. Probed at once when started, then again `everyMs` after each answer. */
  check(name: string, probe: Probe, options: CheckOptions = {}): void {
    const check: Check = {
      probe,
      degradesOnly: options.degradesOnly ?? false,
      everyMs: options.everyMs ?? 2_000,
      timeoutMs: options.timeoutMs ?? 3_000,
      problem: 'not probed yet',
      timer: undefined,
      outage: new OutageLog(this.#log, name),
    };
    this.#checks.set(name, check);
    if (this.#running) void this.#probe(check);
  }

  /**
   * Something works, but less well than it should (polling instead of change streams); `undefined` takes it back. A
   * function is asked each time.
   */
  degrade(name: string, reason: DegradedReason | undefined): void {
    if (reason === undefined) this.#degraded.delete(name);
    else this.#degraded.set(name, reason);
  }

  watch(name: string, options: { maxSilenceMs: number }): Watch {
    return this.#liveness.watch(name, options);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#liveness.start();
    for (const check of this.#checks.values()) void this.#probe(check);
  }

  /** Problems of the process itself; empty when it is healthy. */
  live(): string[] {
    return this.#liveness.problems();
  }

  ready(): Readiness {
    const notServing = this.#isServing();
    if (notServing !== undefined) return { status: 'not-ready', reasons: [notServing] };
    const failing = [...this.#checks].filter(([, check]) => check.problem !== undefined);
    const words = ([name, check]: [string, Check]) => `${name}: ${check.problem ?? ''}`;
    const missing = failing.filter(([, check]) => !check.degradesOnly).map(words);
    if (missing.length > 0) return { status: 'not-ready', reasons: missing };
    const reasons = [
      ...failing.map(words),
      ...this.degradations().map(({ name, reason }) => `${name}: ${reason}`),
    ];
    return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons };
  }

  /** What the process stands on, and what is the matter with it; undefined: nothing. */
  needs(): { name: string; problem: string | undefined }[] {
    return [...this.#checks].map(([name, { problem }]) => ({ name, problem }));
  }

  /** What works less well than it should. */
  degradations(): { name: string; reason: string }[] {
    return [...this.#degraded].flatMap(([name, reason]) => {
      const told = typeof reason === 'string' ? reason : reason();
      return told === undefined ? [] : [{ name, reason: oneLine(told) }];
    });
  }

  stop(): void {
    this.#running = false;
    this.#liveness.stop();
    for (const check of this.#checks.values()) clearTimeout(check.timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  async #probe(check: Check): Promise<void> {
    try {
      await within(check.timeoutMs, check.probe);
      check.problem = undefined;
      check.outage.recovered();
    } catch (error) {
      check.problem = oneLine(error);
      if (this.#running) check.outage.failed(error);
    }
    if (this.#running) check.timer = setTimeout(() => void this.#probe(check), check.everyMs).unref();
  }
}

async function within(timeoutMs: number, probe: Probe): Promise<void> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer within ${timeoutMs} ms`));
    abort.abort();
  }, timeoutMs);
  try {
    await Promise.race([(async () => probe(abort.signal))(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Credentials in a URL never leave the process, and a probe's answer stays one line. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const refusal = loginRefusal(error);
  return (refusal === undefined ? message : `${refusalInWords(refusal)} (${message})`)
    .replaceAll(/\/\/[^@/\s]*@/g, '//***@')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300);
}
