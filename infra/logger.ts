import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/** JSON lines on stdout: `level`, `time` (ISO), `service`, constant `msg`, then fields such as `botId` and `cause`. */
export function createLogger(options: {
  level: string;
  service: string;
  destination?: { write(line: string): void };
}): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    // Configs hold exchange keys and URLs hold passwords: neither may reach a log, whoever logs the object.
    redact: {
      paths: [
        'config',
        '*.config',
        'BOT_CONFIG',
        '*.BOT_CONFIG',
        'password',
        '*.password',
        'secretKey',
        '*.secretKey',
        'token',
        '*.token',
      ],
      censor: '(redacted)',
    },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/**
 * One line when something goes away and one when it is back, however often it fails in between.
 * `failed` returns true when it wrote the line.
 */
export class OutageLog {
  #since: number | undefined;
  readonly #log: Logger;
  readonly #what: string;
  readonly #now: () => number;
  constructor(log: Logger, what: string, now: () => number = Date.now) {
    this.#log = log;
    this.#what = what;
    this.#now = now;
  }
  failed(error: unknown, fields: Record<string, unknown> = {}): boolean {
    if (this.#since !== undefined) return false;
    this.#since = this.#now();
    this.#log.warn(
      { ...fields, error: error instanceof Error ? error.message : String(error) },
      `${this.#what} is away`,
    );
    return true;
  }
  recovered(): void {
    if (this.#since === undefined) return;
    this.#log.info({ outageMs: this.#now() - this.#since }, `${this.#what} is back`);
    this.#since = undefined;
  }
  get isOut(): boolean {
    return this.#since !== undefined;
  }
}
