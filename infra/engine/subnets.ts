import { isIPv4 } from 'node:net';
import { SpecRefused } from './errors.ts';

/** Where internal networks get their addresses: a range for benchmarks (RFC 2544), which nobody routes, and bots never reach. */
export const INTERNAL_POOL = '198.18.0.0/16';

type Range = { first: number; last: number };

/** The first subnet of `bits` in the pool that meets none of those taken; undefined where the pool is full. Pure. */
export function freeSubnet(pool: string, bits: number, taken: readonly string[]): string | undefined {
  const { first, last } = rangeOf(pool);
  const size = 2 ** (32 - bits);
  const others = taken.flatMap((cidr) => (isCidr(cidr) ? [rangeOf(cidr)] : []));
  for (let start = first; start + size - 1 <= last;) {
    const end = start + size - 1;
    const hit = others.find((other) => other.first <= end && start <= other.last);
    if (hit === undefined) return `${textOf(start)}/${bits}`;
    // Beyond the one that is in the way, and to the next address at which such a subnet may begin.
    start = Math.ceil((hit.last + 1) / size) * size;
  }
  return undefined;
}

/** Whether an IPv4 address lies in a range; also as `::ffff:1.2.3.4`, which is how sockets tell it. */
export function inSubnet(address: string | undefined, cidr: string): boolean {
  const plain = (address ?? '').replace(/^::ffff:/i, '');
  if (!isIPv4(plain)) return false;
  const { first, last } = rangeOf(cidr);
  const value = valueOf(plain);
  return first <= value && value <= last;
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  return isIPv4(address) && /^\d{1,2}$/.test(bits) && Number(bits) <= 32 && rest.length === 0;
}

function rangeOf(cidr: string): Range {
  if (!isCidr(cidr)) throw new SpecRefused('subnet', cidr, 'expected an IPv4 range such as 198.18.0.0/16');
  const [address = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(valueOf(address) / size) * size;
  return { first, last: first + size - 1 };
}

const valueOf = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

const textOf = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
