import { signal } from '@preact/signals';

export type SessionRole = 'viewer' | 'operator' | 'admin';

/** Who is logged in here, as the dashboard's server knows it. */
export type Session = {
  name: string;
  role: SessionRole;
  /** Milliseconds since the epoch; undefined: it ends with the session alone. */
  expiresAtMs: number | undefined;
  csrfToken: string;
};

export const session = signal<Session | undefined>(undefined);

const RANK: Readonly<Record<SessionRole, number>> = { viewer: 0, operator: 1, admin: 2 };

export const mayAct = (least: SessionRole): boolean =>
  session.value !== undefined && RANK[session.value.role] >= RANK[least];

/** Why somebody may not; undefined where they may. */
export const refusedBecause = (least: SessionRole): string | undefined =>
  mayAct(least) ? undefined : `Needs the role ${least}; you are ${session.value?.role ?? 'not logged in'}`;

export class NotLoggedIn extends Error {
  override readonly name = 'NotLoggedIn';
}

/** @throws NotLoggedIn, and what fetch throws where the server is away */
export async function readSession(): Promise<Session> {
  const response = await fetch('/session', { headers: { accept: 'application/json' }, redirect: 'manual' });
  if (response.status === 401 || response.status === 403 || response.type === 'opaqueredirect')
    throw new NotLoggedIn('Nobody is logged in');
  if (!response.ok) throw new Error(`The dashboard's server answers ${response.status}`);
  return sessionOf(await response.json());
}

/** Asks again who is logged in; keeps what was known where that cannot be told. */
export async function renewSession(): Promise<void> {
  session.value = await readSession();
}

function sessionOf(answer: unknown): Session {
  const { name, role, expiresAt, csrfToken } = answer as Record<string, unknown>;
  return {
    name: typeof name === 'string' ? name : '',
    role: role === 'admin' || role === 'operator' ? role : 'viewer',
    expiresAtMs: typeof expiresAt === 'string' ? Date.parse(expiresAt) : undefined,
    csrfToken: typeof csrfToken === 'string' ? csrfToken : '',
  };
}

export const loginHref = (): string =>
  `/login?next=${encodeURIComponent(`${location.pathname}${location.search}`)}`;
