import { BlockList, isIPv6 } from 'node:net';
import type { Settings } from '../../../infra/config/settings.ts';

/** Whether an address is that of a proxy of ours. `hop`: 0 is who connected to us, 1 who connected to that one. */
export type Proxies = (address: string, hop: number) => boolean;

/** By the setting: nobody, whoever connects to us, or those of certain addresses and ranges. */
export function proxiesOf(setting: Settings['CONTROL_BEHIND_PROXY']): Proxies {
  if (typeof setting === 'boolean') return (_address, hop) => setting && hop === 0;
  const known = new BlockList();
  for (const { address, bits, family } of setting) known.addSubnet(address, bits, family);
  return (address) => {
    const bare = bareAddress(address);
    return known.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
  };
}

/** As it is written elsewhere: a dual-stack socket tells IPv4 addresses as those of IPv6, and IPv6 ones with their zone. */
export const bareAddress = (address: string): string =>
  address
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .replace(/%.*$/, '')
    .toLowerCase();
