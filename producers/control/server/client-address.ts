import { isIP, isIPv6 } from 'node:net';
import { bareAddress, type Proxies } from './proxies.ts';

/** What a request tells of where it comes from. */
export type Incoming = {
  socket: { remoteAddress?: string | undefined };
  headers: Readonly<Record<string, string | string[] | undefined>>;
};

/**
 * Who counts as one caller, for those who count wrong tries: an IPv4 address, or the /64 of an IPv6 address, since whoever
 * has one of its addresses has them all. Behind proxies the last address that is none of theirs: what stands before it in
 * `X-Forwarded-For` may be made up.
 */
export function clientAddress({ socket, headers }: Incoming, isProxy: Proxies): string {
  let address = socket.remoteAddress ?? 'unknown';
  for (const [hop, before] of partsOf(headers['x-forwarded-for']).reverse().entries()) {
    if (!isProxy(address, hop)) break;
    address = before;
  }
  return grouped(address);
}

/** What several proxies wrote into a header, or one into several. */
export const partsOf = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function grouped(address: string): string {
  const bare = bareAddress(address);
  if (!isIPv6(bare)) return isIP(bare) === 4 ? bare : bare.slice(0, 64);
  const [head = '', tail] = bare.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
