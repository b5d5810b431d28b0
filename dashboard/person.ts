import type { Role } from '../model/access.ts';

/** Who uses the dashboard: whose token was shown at the login. */
export type Person = { name: string; role: Role; tokenId: string; expiresAt?: Date };

/** What became of a token that was shown. */
export type Admission =
  | { is: 'admitted'; person: Person }
  | { is: 'refused'; why: 'malformed' | 'unknown' | 'expired' | 'revoked' }
  /** Too many wrong ones came from there. */
  | { is: 'wait'; ms: number };

/** Knows people by their tokens, as the control API does. Rejects where that cannot be told at the moment. */
export type Desk = {
  /** `client`: who counts as one, for those who guess. */
  admit(text: string, client: string): Promise<Admission>;
  /** Whose token it is; undefined once it is no good any more. */
  recall(tokenId: string): Promise<Person | undefined>;
};
