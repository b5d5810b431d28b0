import { randomBytes } from 'node:crypto';
import { createToken } from '../../producers/control/tokens/tokens.ts';
import type { ApiConnections } from '../api/connections.ts';

/** An admin's token for an installation that never had one; undefined where it has. It is shown once. */
export async function createFirstToken({
  collections,
  now,
}: Pick<ApiConnections, 'collections' | 'now'>): Promise<string | undefined> {
  const tokens = collections.apiTokens;
  if ((await tokens.findOne({}, { projection: { _id: 1 } })) !== null) return undefined;
  const { text } = await createToken(
    { tokens, now, randomBytes },
    { name: 'first', role: 'admin', createdBy: 'up' },
  );
  return text;
}
