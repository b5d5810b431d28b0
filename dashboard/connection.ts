import type { IncomingMessage } from 'node:http';

/** Where a browser's request comes from, and how; behind a proxy as that tells it. */
export type Connection = {
  /** Who counts as one client. */
  client: string;
  /** The browser's own connection is encrypted. */
  secure: boolean;
  /** What the browser calls us. */
  host: string | undefined;
};

/** Told by whoever knows which proxies to believe. */
export type TellConnection = (request: IncomingMessage) => Connection;

type Cookie = { name: string; options: { httpOnly: true; sameSite: 'strict'; secure: boolean; path: '/' } };

/**
 * The session's cookie. Cookies do not know ports: the name keeps two dashboards of one host from logging each other out. The
 * prefix keeps other hosts of the same domain from setting it.
 */
export function sessionCookie(request: IncomingMessage, { secure }: Connection): Cookie {
  const name = `the0_session_${request.socket.localPort ?? 0}`;
  return {
    name: secure ? `__Host-${name}` : name,
    options: { httpOnly: true, sameSite: 'strict', secure, path: '/' },
  };
}
