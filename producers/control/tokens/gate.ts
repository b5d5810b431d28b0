import type { LoginLimiter } from '../../../infra/login-limiter.ts';
import type { Logger } from '../../../infra/logger.ts';
import { Exhausted, Unauthenticated } from '../errors.ts';
import type { TokenCaller, TokenVerifier } from './verifier.ts';

export type TokenGateOptions = { verifier: TokenVerifier; limiter: LoginLimiter; log: Logger };

/**
 * Tells whose the text of a token is. `client`: who counts as one, for those who guess.
 * @throws Unauthenticated where it is no good, Exhausted where too many of those came from there
 * @throws what MongoDB threw
 */
export type TokenGate = (text: string, client: string) => Promise<TokenCaller>;

/**
 * Who guesses waits, each time longer, right token or not; a token that was right a moment ago is let through all the same,
 * since a neighbour behind the same address may be the one who guesses.
 */
export function tokenGate({ verifier, limiter, log }: TokenGateOptions): TokenGate {
  return async (text, client) => {
    const waitMs = verifier.wasRight(text) ? 0 : limiter.waitMs(client);
    if (waitMs > 0) throw tooMany(waitMs);
    try {
      return await verifier.verify(text);
    } catch (error) {
      if (error instanceof Unauthenticated) {
        limiter.failed(client);
        log.warn({ client, problem: error.code }, 'a token that is no good was shown');
      }
      throw error;
    }
  };
}

function tooMany(waitMs: number): Exhausted {
  const error = new Exhausted(
    'too_many_tries',
    '',
    'Too many calls with wrong tokens came from this address',
    `wait ${Math.ceil(waitMs / 1000)} s, then come with the right one`,
  );
  error.retryAfterMs = waitMs;
  return error;
}
