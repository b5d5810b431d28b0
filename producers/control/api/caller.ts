import { createContextKey, type ContextKey } from '@connectrpc/connect';
import type { Role } from '../../../model/access.ts';

/** Who calls: told by the token, the browser's session, or the command line that the person sits at. */
export type Caller = {
  /** Name of the token, or `ann@desk` at a command line. */
  name: string;
  role: Role;
  tokenId?: string;
  expiresAt?: Date;
};

/** Nobody: may nothing. Handlers never see it, since whoever is not known is refused before them. */
const NOBODY: Caller = { name: '', role: 'viewer' };

/** `context.values.get(callerKey)` in a handler: who it acts for. */
export const callerKey: ContextKey<Caller> = createContextKey<Caller>(NOBODY, { description: 'caller' });
