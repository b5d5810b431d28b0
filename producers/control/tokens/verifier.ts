import type { Collection } from 'mongodb';
import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { ApiTokenDocument } from '../../../infra/mongo/collections.ts';
import { RecentReads } from '../../../infra/recent-reads.ts';
import type { Caller } from '../api/caller.ts';
import { Unauthenticated } from '../errors.ts';
import { idOf, matches } from './text.ts';

export type VerifierOptions = {
  tokens: Collection<ApiTokenDocument>;
  log: Logger;
  /** The installation's time, by which tokens expire. */
  now: () => Date;
};

/** Who is known by a token. */
export type TokenCaller = Caller & { tokenId: string };

const MINUTE_MS = 60_000;

/**
 * Tells whose a token is. A revoked one is refused a second later at most; while MongoDB is away, one that was seen within
 * ten minutes is taken.
 */
export class TokenVerifier {
  readonly #options: VerifierOptions;
  /** Keeps only tokens whose secret was right once, so that nobody fills it with guesses. */
  readonly #reads: RecentReads<ApiTokenDocument>;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#reads = new RecentReads({ read: (id) => options.tokens.findOne({ _id: id }) });
  }

  /**
   * @throws Unauthenticated where it is no token, is not known, has expired or was revoked
   * @throws what MongoDB threw, where it is away and the token was not seen of late
   */
  async verify(text: string): Promise<TokenCaller> {
    const id = idOf(text);
    if (id === undefined) throw malformed();
    const token = await this.#reads.find(id);
    if (token === null || !matches(text, token.hash)) throw unknown();
    return this.#taken(token);
  }

  /**
   * The same by the id of a token whose text was right before.
   * @throws as `verify`
   */
  async recall(id: string): Promise<TokenCaller> {
    const token = await this.#reads.find(id);
    if (token === null) throw unknown();
    return this.#taken(token);
  }

  /** Whether this text was right a while ago: its owner is not to suffer for the guesses of a neighbour. */
  wasRight(text: string): boolean {
    const token = this.#reads.peek(idOf(text) ?? '');
    return token !== undefined && matches(text, token.hash);
  }

  #taken(token: ApiTokenDocument): TokenCaller {
    this.#judge(token);
    this.#reads.keep(token._id, token);
    this.#note(token);
    return {
      name: token.name,
      role: token.role,
      tokenId: token._id,
      ...(token.expiresAt === undefined ? {} : { expiresAt: token.expiresAt }),
    };
  }

  #judge(token: ApiTokenDocument): void {
    if (token.revokedAt !== undefined)
      throw new Unauthenticated(
        'token_revoked',
        `The token ${JSON.stringify(token.name)} was revoked at ${token.revokedAt.toISOString()}`,
        'ask an admin for another one',
      );
    if (token.expiresAt !== undefined && token.expiresAt <= this.#options.now())
      throw new Unauthenticated(
        'token_expired',
        `The token ${JSON.stringify(token.name)} expired at ${token.expiresAt.toISOString()}`,
        'ask an admin for another one',
      );
  }

  /** When it was used, to the minute. */
  #note(token: ApiTokenDocument): void {
    const usedAt = new Date(Math.floor(this.#options.now().getTime() / MINUTE_MS) * MINUTE_MS);
    if ((token.usedAt?.getTime() ?? 0) >= usedAt.getTime() || this.#reads.isAway) return;
    // Of what is kept, too: the next call does not write it again.
    token.usedAt = usedAt;
    this.#options.tokens.updateOne({ _id: token._id }, { $max: { usedAt } }).catch((error: unknown) => {
      this.#options.log.debug({ error: messageOf(error) }, 'when a token was used could not be noted');
    });
  }
}

const malformed = () =>
  new Unauthenticated(
    'token_malformed',
    'That is no token of this API',
    'send "Authorization: Bearer the0_..." with the whole text, as it was shown when the token was made',
  );

/** The same for an id that is not known and a secret that is wrong: nobody learns which ids there are. */
const unknown = () =>
  new Unauthenticated(
    'token_unknown',
    'The token is not known here',
    'check that it belongs to this installation, or ask an admin for another one',
  );
