import { askEngineForText } from './engine-http.ts';
import type { Environment } from './types.ts';
import { messageOf } from '../message-of.ts';

export type Ping =
  { ok: true } | { ok: false; problem: 'absent' | 'refused' | 'denied' | 'other'; message: string };

const PING_TIMEOUT_MS = 5_000;

export async function pingEngine(host: string, environment: Environment): Promise<Ping> {
  try {
    const { status, body } = await askEngineForText(host, {
      path: '/_ping',
      timeoutMs: PING_TIMEOUT_MS,
      environment,
    });
    if (status === 200) return { ok: true };
    return { ok: false, problem: 'other', message: `it answers ${status} ${body.slice(0, 200)}` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const problem =
      ({ ENOENT: 'absent', ECONNREFUSED: 'refused', EACCES: 'denied', EPERM: 'denied' } as const)[code] ??
      'other';
    return { ok: false, problem, message: messageOf(error) };
  }
}

/** One line on why an engine cannot be used, with the cure where it is known. */
export function explainUnreachable(host: string, ping: Ping & { ok: false }): string {
  switch (ping.problem) {
    case 'absent':
      return `${host}: there is no such socket`;
    case 'refused':
      return `${host}: nothing listens there`;
    case 'denied':
      return (
        `${host}: this user may not use the socket. Add the user to the socket's group and log in again:\n` +
        '    usermod -aG docker "$USER"   # as root\n' +
        'or set DOCKER_HOST to an engine that this user may use.'
      );
    case 'other':
      return `${host}: ${ping.message}`;
  }
}
