import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Role as WireRole, type Token } from '../../proto/gen/the0/runtime/v1/installation_pb.js';
import { ROLES } from '../../model/access.ts';
import { wordsOf } from '../../producers/control/api/wire.ts';
import { iso, isoOf } from '../client/views/fields.ts';
import { relative } from '../show/relative-time.ts';
import { table, type Look } from '../show/table.ts';

/** A token as `tokens list --json` shows it: nothing of its secret, not even the hash. */
export type TokenView = {
  id: string;
  name: string;
  role: string;
  state: 'usable' | 'expired' | 'revoked';
  created: string;
  createdBy: string;
  expires: string | null;
  revoked: string | null;
  used: string | null;
};

export const roleWords = wordsOf(ROLES, WireRole);

export function tokenView(token: Token, nowMs: number): TokenView {
  const { id, name, role, createdAt, createdBy, expiresAt, revokedAt, usedAt } = token;
  const isExpired = expiresAt !== undefined && timestampDate(expiresAt).getTime() <= nowMs;
  return {
    id,
    name,
    role: roleWords.words([role])[0] ?? '',
    state: revokedAt !== undefined ? 'revoked' : isExpired ? 'expired' : 'usable',
    created: isoOf(createdAt),
    createdBy,
    expires: iso(expiresAt),
    revoked: iso(revokedAt),
    used: iso(usedAt),
  };
}

export function tokensTable(views: readonly TokenView[], look: Look): string {
  const when = (time: string | null, otherwise: string): string =>
    time === null ? otherwise : relative(time, look.nowMs);
  return table(
    ['ID', 'NAME', 'ROLE', 'STATE', 'EXPIRES', 'USED', 'CREATED'],
    views.map((view) => ({
      cells: [
        view.id,
        view.name,
        view.role,
        view.state,
        when(view.expires, 'never'),
        when(view.used, 'not yet'),
        `${relative(view.created, look.nowMs)} by ${view.createdBy}`,
      ],
      ...(view.state === 'usable' ? {} : { painted: { column: 3, colour: 'gray' as const } }),
    })),
    look,
  ).join('\n');
}
