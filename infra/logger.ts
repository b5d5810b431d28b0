import { pino, type Logger as PinoLogger } from 'pino';
import { loginRefusal, refusalInWords } from './login-refusal.ts';
import { messageOf } from './message-of.ts';

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
 * One line when something goes away and one when it is back, however often it fails in between; and one when it turns out
 * that it only does not let us in. `failed` returns true when it wrote a line.
 */
export class OutageLog {
  #since: number | undefined;
  #refused = false;
  readonly #log: Logger;
  readonly #what: string;
  readonly #now: () => number;
  constructor(log: Logger, what: string, now: () => number = Date.now) {
    this.#log = log;
    this.#what = what;
    this.#now = now;
  }
  failed(error: unknown, fields: Record<string, unknown> = {}): boolean {
    const refusal = loginRefusal(error);
    if (this.#since !== undefined && (refusal === undefined || this.#refused)) return false;
    this.#since ??= this.#now();
    this.#refused = refusal !== undefined;
    const message =
      refusal === undefined
        ? `${this.#what} is away`
        : `${this.#what === refusal.server ? '' : `${this.#what}: `}${refusalInWords(refusal)}`;
    this.#log.warn({ ...fields, error: messageOf(error) }, message);
    return true;
  }
  recovered(): void {
    if (this.#since === undefined) return;
    this.#log.info({ outageMs: this.#now() - this.#since }, `${this.#what} is back`);
    this.#since = undefined;
    this.#refused = false;
  }
  get isOut(): boolean {
    return this.#since !== undefined;
  }
}
