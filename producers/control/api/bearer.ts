import type { TokenGate } from '../tokens/gate.ts';
import type { Authenticate } from './authentication.ts';

const BEARER = /^Bearer +(\S+)$/i;

/** Callers by `Authorization: Bearer TOKEN`. */
export const bearerTokens =
  (gate: TokenGate): Authenticate =>
  async ({ header, client }) => {
    const authorization = header.get('authorization');
    if (authorization === null) return undefined;
    return gate(BEARER.exec(authorization.trim())?.[1] ?? '', client);
  };
