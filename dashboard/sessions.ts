import { createHash } from 'node:crypto';
import type { Collection } from 'mongodb';
import type { Logger } from '../infra/logger.ts';
import { messageOf } from '../infra/message-of.ts';
import type { BrowserSessionDocument } from '../infra/mongo/collections.ts';
import { RecentReads } from '../infra/recent-reads.ts';

export type SessionsOptions = {
  sessions: Collection<BrowserSessionDocument>;
  /** The installation's time. */
  now: () => Date;
  randomBytes: (size: number) => Buffer;
  log: Logger;
  /** A session ends after so long without use. */
  idleMs: number;
  /** And after so long in any case. */
  maxAgeMs: number;
  /** Of one token; the oldest gives way to one more. */
  maxPerToken?: number;
};

/** A browser that is logged in. */
export type Session = {
  tokenId: string;
  /** What a request that changes something has to bring beside the cookie. */
  csrfToken: string;
  /** It ends then, however much it is used. */
  endsAt: Date;
};

const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const MAX_NOTE_MS = 60_000;

/**
 * Who is logged in. A cookie holds a random text, of which only the hash is kept; kept in MongoDB, a session outlives a restart
 * and holds at every process that serves the dashboard. One that was ended elsewhere is refused a second later at most.
 */
export class Sessions {
  readonly #options: Required<SessionsOptions>;
  readonly #reads: RecentReads<BrowserSessionDocument>;

  constructor(options: SessionsOptions) {
    this.#options = { maxPerToken: 20, ...options };
    this.#reads = new RecentReads({ read: (id) => options.sessions.findOne({ _id: id }) });
  }

  /**
   * A new session, and its cookie's value.
   * @throws what MongoDB threw
   */
  async create(tokenId: string): Promise<{ cookie: string; session: Session }> {
    const { sessions, now, randomBytes, maxAgeMs } = this.#options;
    const cookie = randomBytes(SECRET_BYTES).toString('base64url');
    const at = now();
    const document: BrowserSessionDocument = {
      _id: hashOf(cookie),
      tokenId,
      createdAt: at,
      usedAt: at,
      endsAt: new Date(at.getTime() + maxAgeMs),
    };
    await sessions.insertOne(document);
    this.#reads.keep(document._id, document);
    await this.#makeRoom(tokenId);
    return { cookie, session: sessionOf(cookie, document) };
  }

  /**
   * The session of a cookie while it is good. `use`: it was used, which keeps it alive.
   * @throws what MongoDB threw, where it is away and the session was not seen of late
   */
  async find(cookie: string | undefined, { use }: { use: boolean }): Promise<Session | undefined> {
    if (cookie === undefined || !SECRET.test(cookie)) return undefined;
    const document = await this.#reads.find(hashOf(cookie));
    if (document === null) return undefined;
    const now = this.#options.now().getTime();
    if (now >= document.endsAt.getTime() || now - document.usedAt.getTime() > this.#options.idleMs)
      return undefined;
    this.#reads.keep(document._id, document);
    if (use) this.#note(document, now);
    return sessionOf(cookie, document);
  }

  /** @throws what MongoDB threw */
  async end(cookie: string | undefined): Promise<void> {
    if (cookie === undefined || !SECRET.test(cookie)) return;
    await this.#options.sessions.deleteOne({ _id: hashOf(cookie) });
    this.#reads.forget(hashOf(cookie));
  }

  async #makeRoom(tokenId: string): Promise<void> {
    const { sessions, maxPerToken } = this.#options;
    const old = await sessions
      .find({ tokenId }, { projection: { _id: 1 } })
      .sort({ createdAt: -1 })
      .skip(maxPerToken)
      .toArray();
    if (old.length === 0) return;
    const ids = old.map(({ _id }) => _id);
    await sessions.deleteMany({ _id: { $in: ids } });
    for (const id of ids) this.#reads.forget(id);
  }

  #note(document: BrowserSessionDocument, now: number): void {
    const { sessions, idleMs, log } = this.#options;
    if (now - document.usedAt.getTime() < Math.min(MAX_NOTE_MS, idleMs / 4)) return;
    const usedAt = new Date(now);
    // Of what is kept, too: the next request does not write it again.
    document.usedAt = usedAt;
    sessions.updateOne({ _id: document._id }, { $max: { usedAt } }).catch((error: unknown) => {
      log.debug({ error: messageOf(error) }, 'when a session was used could not be noted');
    });
  }
}

const sessionOf = (cookie: string, { tokenId, endsAt }: BrowserSessionDocument): Session => ({
  tokenId,
  csrfToken: createHash('sha256').update(`csrf ${cookie}`).digest('base64url'),
  endsAt,
});

const hashOf = (cookie: string): string => createHash('sha256').update(cookie).digest('hex');
