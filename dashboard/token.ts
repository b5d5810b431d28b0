import { createHash, timingSafeEqual } from 'node:crypto';

/** Fewer characters can be guessed. */
export const MIN_TOKEN_LENGTH = 16;

/** The dashboard was to start without a usable token: it never starts open. */
export class DashboardTokenMissing extends Error {
  override readonly name = 'DashboardTokenMissing';
  readonly code = 'dashboard_token_missing';
  readonly retryable = false;
  constructor(length: number) {
    super(
      length === 0
        ? 'The dashboard refuses to start without a login: set DASHBOARD_TOKEN (or DASHBOARD_TOKEN_FILE) to 16 random characters or more'
        : `The dashboard refuses to start: DASHBOARD_TOKEN has ${length} characters, ${MIN_TOKEN_LENGTH} or more are needed`,
    );
  }
}

/**
 * Returns a comparison with the token that takes the same time whatever is given: both sides are hashed, so neither
 * content nor length shows.
 * @throws DashboardTokenMissing
 */
export function tokenMatcher(token: string | undefined): (given: string) => boolean {
  if (token === undefined || token.length < MIN_TOKEN_LENGTH)
    throw new DashboardTokenMissing(token?.length ?? 0);
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const right = digest(token);
  return (given) => timingSafeEqual(digest(given), right);
}
