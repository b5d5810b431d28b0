import { isIPv4 } from 'node:net';
import { SpecRefused } from '../errors.ts';
import { shortHash } from '../names.ts';

/** Not the internet: this machine, private networks, link-local (the metadata address), multicast, reserved. */
export const REFUSED_RANGES: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

export type EgressPlanInput = {
  installation: string;
  /** Name of the bridge interface that bots' packets come in by. */
  bridge: string;
  /** CIDRs or addresses (IPv4) that bots may reach although they are private. */
  allow: readonly string[];
  /** IPv4 addresses that DNS queries may go to. */
  resolvers: readonly string[];
};

export type EgressChain = {
  /** Our chain; its name is a function of the installation. */
  name: string;
  /** The chain whose first rule jumps to ours; `orElse` where the host has no such chain. */
  from: string;
  orElse?: string;
  /** As `iptables -S` prints them, so that what is installed can be compared with what should be. */
  rules: readonly string[];
};

export type EgressPlan = { bridge: string; chains: readonly EgressChain[] };

/**
 * What bots may reach: the internet, DNS at the host's resolvers, and what the operator allows. Pure.
 * One chain for what passes through the host, one for what is addressed to the host itself: that one refuses
 * everything else, since a host's own address may well be a public one. Rules only ever refuse or hand back to the
 * host's other rules; nothing that the host refuses is let through here. Throws `SpecRefused` for a malformed address.
 */
export function planEgressRules(input: EgressPlanInput): EgressPlan {
  const suffix = shortHash(input.installation);
  const forward = `THE0-FWD-${suffix}`;
  const host = `THE0-HOST-${suffix}`;
  const open = (chain: string): string[] => [
    `-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`,
    ...input.resolvers.flatMap((resolver) =>
      ['udp', 'tcp'].map((protocol) => {
        const address = canonicalCidr('resolver', resolver);
        return `-A ${chain} -d ${address} -p ${protocol} -m ${protocol} --dport 53 -j RETURN`;
      }),
    ),
    ...input.allow.map((cidr) => `-A ${chain} ${destination(canonicalCidr('EGRESS_ALLOW', cidr))}-j RETURN`),
  ];
  return {
    bridge: input.bridge,
    chains: [
      {
        name: forward,
        from: 'DOCKER-USER',
        orElse: 'FORWARD',
        rules: [...open(forward), ...REFUSED_RANGES.map((range) => `-A ${forward} -d ${range} -j DROP`)],
      },
      { name: host, from: 'INPUT', rules: [...open(host), `-A ${host} -j DROP`] },
    ],
  };
}

/**
 * For a bridge whose containers are asked and never ask: answers pass, and nothing else, neither to the host nor through it.
 * Pure.
 */
export function planClosedRules(input: { installation: string; bridge: string }): EgressPlan {
  const suffix = shortHash(input.installation);
  const chain = (name: string, parents: Pick<EgressChain, 'from' | 'orElse'>): EgressChain => ({
    name,
    ...parents,
    rules: [`-A ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`, `-A ${name} -j DROP`],
  });
  return {
    bridge: input.bridge,
    chains: [
      chain(`THE0-QFWD-${suffix}`, { from: 'DOCKER-USER', orElse: 'FORWARD' }),
      chain(`THE0-QHOST-${suffix}`, { from: 'INPUT' }),
    ],
  };
}

export const jumpRule = (from: string, bridge: string, to: string): string =>
  `-A ${from} -i ${bridge} -j ${to}`;

/** IPv4 resolvers of a resolv.conf. Loopback ones are left out: Docker asks those for its containers, from the host. */
export function resolversOf(resolvConf: string): string[] {
  const addresses = resolvConf
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIPv4(address) && !address.startsWith('127.'));
  return [...new Set(addresses)];
}

/** `iptables -S` omits a destination that is everything. */
function destination(cidr: string): string {
  return cidr === '0.0.0.0/0' ? '' : `-d ${cidr} `;
}

/** `10.1.2.3/8` → `10.0.0.0/8`, `10.1.2.3` → `10.1.2.3/32`. */
export function canonicalCidr(field: string, text: string): string {
  const [address = '', length = '32', ...rest] = text.trim().split('/');
  const bits = Number(length);
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length) || bits > 32 || rest.length > 0)
    throw new SpecRefused(
      field,
      text,
      'expected an IPv4 address or range such as 10.1.2.0/24 (bots have no IPv6)',
    );
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - bits);
  const network = Math.floor(value / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join('.')}/${bits}`;
}
