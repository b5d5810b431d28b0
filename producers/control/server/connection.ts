import type { TLSSocket } from 'node:tls';
import { clientAddress, partsOf, type Incoming } from './client-address.ts';
import type { Proxies } from './proxies.ts';

/** Where a request comes from, and how; behind a proxy as that tells it. */
export type Connection = {
  /** Who counts as one caller. */
  client: string;
  /** The caller's own connection is encrypted. */
  secure: boolean;
  /** What the caller calls us. */
  host: string | undefined;
};

export function connectionOf(incoming: Incoming, isProxy: Proxies): Connection {
  const { socket, headers } = incoming;
  const isBelieved = isProxy(socket.remoteAddress ?? '', 0);
  const told = (name: string) => (isBelieved ? partsOf(headers[name]).at(-1) : undefined);
  return {
    client: clientAddress(incoming, isProxy),
    secure:
      (socket as Partial<TLSSocket>).encrypted === true ||
      told('x-forwarded-proto')?.toLowerCase() === 'https',
    host: told('x-forwarded-host') ?? partsOf(headers['host']).at(-1),
  };
}
