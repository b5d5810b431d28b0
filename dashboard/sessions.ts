import { createHmac, randomBytes as nodeRandomBytes, timingSafeEqual } from 'node:crypto';

export type SessionOptions = {
  /** A session ends after so long without use. */
  idleMs?: number;
  /** And after so long in any case. */
  maxAgeMs?: number;
  /** The oldest session gives way to one more. */
  maxSessions?: number;
  /** Wall-clock milliseconds. */
  now?: () => number;
  randomBytes?: (size: number) => Buffer;
};

type Session = { createdAt: number; usedAt: number };

const HOUR = 3_600_000;

/**
 * Who is logged in. A cookie holds a random id and its signature; only ids that this process gave out and has not
 * forgotten count, so a restart logs everybody out.
 */
export class Sessions {
  readonly #options: Required<SessionOptions>;
  readonly #key: Buffer;
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionOptions = {}) {
    this.#options = {
      idleMs: 8 * HOUR,
      maxAgeMs: 24 * HOUR,
      maxSessions: 1_000,
      now: Date.now,
      randomBytes: nodeRandomBytes,
      ...options,
    };
    this.#key = this.#options.randomBytes(32);
  }

  /** A new session's cookie value. */
  create(): string {
    const now = this.#options.now();
    this.#forgetExpired(now);
    if (this.#sessions.size >= this.#options.maxSessions) {
      const [oldest] = this.#sessions.keys();
      if (oldest !== undefined) this.#sessions.delete(oldest);
    }
    const id = this.#options.randomBytes(32).toString('base64url');
    this.#sessions.set(id, { createdAt: now, usedAt: now });
    return `${id}.${this.#sign(id)}`;
  }

  /** The session's id when the cookie is one of ours and still good; using it keeps it alive. */
  verify(cookie: string | undefined): string | undefined {
    const id = this.#idOf(cookie);
    const session = id === undefined ? undefined : this.#sessions.get(id);
    if (id === undefined || session === undefined) return undefined;
    const now = this.#options.now();
    if (this.#isExpired(session, now)) {
      this.#sessions.delete(id);
      return undefined;
    }
    session.usedAt = now;
    return id;
  }

  end(cookie: string | undefined): void {
    const id = this.#idOf(cookie);
    if (id !== undefined) this.#sessions.delete(id);
  }

  get size(): number {
    return this.#sessions.size;
  }

  #idOf(cookie: string | undefined): string | undefined {
    const [id, signature] = (cookie ?? '').split('.');
    if (id === undefined || id === '' || signature === undefined) return undefined;
    const given = Buffer.from(signature);
    const right = Buffer.from(this.#sign(id));
    return given.length === right.length && timingSafeEqual(given, right) ? id : undefined;
  }

  #sign(id: string): string {
    return createHmac('sha256', this.#key).update(id).digest('base64url');
  }

  #isExpired(session: Session, now: number): boolean {
    return now - session.usedAt > this.#options.idleMs || now - session.createdAt > this.#options.maxAgeMs;
  }

  #forgetExpired(now: number): void {
    for (const [id, session] of this.#sessions) if (this.#isExpired(session, now)) this.#sessions.delete(id);
  }
}
