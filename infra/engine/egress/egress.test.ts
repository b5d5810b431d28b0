import { describe, expect, it } from 'vitest';
import { SpecRefused } from '../errors.ts';
import { checkEgress, installEgress, removeEgress, type EgressHost } from './filter.ts';
import { egressGate } from './gate.ts';
import { IptablesError, type Iptables } from './iptables.ts';
import { canonicalCidr, planClosedRules, planEgressRules, REFUSED_RANGES, resolversOf } from './plan.ts';

const input = {
  installation: 'the0',
  bridge: 'the0-abcdef01',
  allow: ['10.1.2.3/24'],
  resolvers: ['10.0.0.53'],
};

describe('planEgressRules', () => {
  it('opens first and refuses last, in both chains', () => {
    const [forward, host] = planEgressRules(input).chains;
    const name = forward?.name ?? '';
    expect(forward?.rules).toEqual([
      `-A ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`,
      `-A ${name} -d 10.0.0.53/32 -p udp -m udp --dport 53 -j RETURN`,
      `-A ${name} -d 10.0.0.53/32 -p tcp -m tcp --dport 53 -j RETURN`,
      `-A ${name} -d 10.1.2.0/24 -j RETURN`,
      ...REFUSED_RANGES.map((range) => `-A ${name} -d ${range} -j DROP`),
    ]);
    expect(host?.from).toBe('INPUT');
    expect(host?.rules.at(-1)).toBe(`-A ${host?.name} -j DROP`);
    expect(forward?.name).not.toBe(host?.name);
  });

  it('keeps installations apart, with names that the kernel can hold', () => {
    const other = planEgressRules({ ...input, installation: 'x'.repeat(31) });
    for (const chain of other.chains) {
      expect(chain.name.length).toBeLessThanOrEqual(28);
      expect(planEgressRules(input).chains.map((mine) => mine.name)).not.toContain(chain.name);
    }
  });

  it('refuses what is no IPv4 range, since a typing error would otherwise open nothing or everything', () => {
    for (const bad of [
      'lots',
      '10.0.0.0/33',
      '10.0.0/8',
      '::1',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '',
      '10.0.0.0/8 -j ACCEPT',
    ])
      expect(() => planEgressRules({ ...input, allow: [bad] }), bad).toThrow(SpecRefused);
    expect(canonicalCidr('x', '255.255.255.255')).toBe('255.255.255.255/32');
    expect(canonicalCidr('x', '192.168.200.9/22')).toBe('192.168.200.0/22');
    expect(canonicalCidr('x', '1.2.3.4/0')).toBe('0.0.0.0/0');
  });

  it('takes the resolvers that containers themselves would ask', () => {
    const resolvConf =
      '# comment\nnameserver 10.0.0.53\nnameserver 127.0.0.53\n nameserver fe80::1\nnameserver 10.0.0.53\nsearch x\n';
    expect(resolversOf(resolvConf)).toEqual(['10.0.0.53']);
  });
});

describe('planClosedRules', () => {
  it('lets answers pass and nothing else, in chains of its own', () => {
    const plan = planClosedRules({ installation: 'the0', bridge: 'the0i-abcdef01' });
    expect(plan.chains.map(({ from }) => from)).toEqual(['DOCKER-USER', 'INPUT']);
    for (const { name, rules } of plan.chains) {
      expect(name.length).toBeLessThanOrEqual(28);
      expect(planEgressRules(input).chains.map((mine) => mine.name)).not.toContain(name);
      expect(rules).toEqual([
        `-A ${name} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`,
        `-A ${name} -j DROP`,
      ]);
    }
  });
});

describe('installEgress', () => {
  it('says so where there is no iptables, and where it is refused', async () => {
    const host = (error: Error) => ({
      isRoot: () => true,
      hasInterface: () => true,
      run: () => Promise.reject(error),
    });
    const plan = planEgressRules(input);
    const absent = await installEgress(plan, host(new IptablesError('spawn', 'ENOENT')));
    expect(absent).toEqual({ filtered: false, reason: 'this machine has no iptables' });
    const refused = await installEgress(plan, host(new IptablesError('Permission denied', 4)));
    expect(refused).toEqual({ filtered: false, reason: 'Permission denied' });
  });
});

describe('two sets of rules', () => {
  const bots = planEgressRules(input);
  const queries = planClosedRules({ installation: 'the0', bridge: 'the0i-abcdef02' });

  it('stand side by side, and neither takes the first place from the other', async () => {
    const { chains, host } = tables();
    for (const plan of [bots, queries]) expect(await installEgress(plan, host)).toEqual({ filtered: true });
    const jumps = [...(chains.get('INPUT') ?? [])];
    for (const plan of [bots, queries, bots]) {
      expect(await checkEgress(plan, host)).toEqual({ filtered: true });
      expect(await installEgress(plan, host)).toEqual({ filtered: true });
    }
    expect(chains.get('INPUT')).toEqual(jumps);
    expect(jumps).toHaveLength(2);
  });

  it('come before whatever somebody else puts before them', async () => {
    const { chains, host } = tables();
    for (const plan of [bots, queries]) await installEgress(plan, host);
    chains.get('INPUT')?.unshift('-A INPUT -j ACCEPT');
    for (const plan of [bots, queries]) {
      expect(await checkEgress(plan, host)).toMatchObject({ filtered: false });
      expect(await installEgress(plan, host)).toEqual({ filtered: true });
    }
    expect(chains.get('INPUT')?.at(-1)).toBe('-A INPUT -j ACCEPT');
    expect(chains.get('INPUT')).toHaveLength(3);
  });

  it('are put first and removed without taking the rules of who puts his before them meanwhile', async () => {
    const { chains, host } = tables();
    await installEgress(bots, host);
    const input = chains.get('INPUT') ?? [];
    const [jump = ''] = input;
    const theirs = ['-A INPUT -i their0 -j THEIRS', '-A INPUT -i their1 -j THEIRS'];
    // Once what there is has been looked at.
    const meanwhile: EgressHost = {
      ...host,
      run: async (program, args, stdin) => {
        const answer = (await host.run?.(program, args, stdin)) ?? '';
        if (args.join(' ') === '-S INPUT' && !input.includes('-A INPUT -i their0 -j THEIRS'))
          input.unshift(...theirs);
        return answer;
      },
    };
    input.unshift('-A INPUT -j ACCEPT', jump);
    expect(await installEgress(bots, meanwhile)).toEqual({ filtered: true });
    expect(input).toEqual([jump, ...theirs, '-A INPUT -j ACCEPT']);

    input.splice(0, input.length, jump, '-A INPUT -j ACCEPT', jump);
    await removeEgress(bots, meanwhile);
    expect(input).toEqual([...theirs, '-A INPUT -j ACCEPT']);
  });
});

/** Tables in memory. */
function tables(): { chains: Map<string, string[]>; host: EgressHost } {
  const chains = new Map<string, string[]>([
    ['DOCKER-USER', []],
    ['INPUT', []],
  ]);
  const line = (text: string): void => {
    const [verb = '', name = '', ...rule] = text.split(' ');
    const chain = chains.get(name) ?? [];
    if (verb.startsWith(':')) chains.set(verb.slice(1), []);
    else if (verb === '-A') chain.push(text);
    else if (verb === '-I') chain.splice(Number(rule[0]) - 1, 0, `-A ${name} ${rule.slice(1).join(' ')}`);
    else if (verb === '-D' && chain.includes(`-A ${name} ${rule.join(' ')}`))
      chain.splice(chain.indexOf(`-A ${name} ${rule.join(' ')}`), 1);
    else if (verb === '-D') throw new IptablesError('no such rule', 1);
    else if (verb === '-F') chain.splice(0);
    else if (verb === '-X') chains.delete(name);
  };
  const run: Iptables = (program, args, stdin = '') => {
    const [verb, name = ''] = args;
    if (program === 'iptables-restore') for (const text of stdin.split('\n')) line(text);
    else if (verb === '-S' && !chains.has(name)) return Promise.reject(new IptablesError('no such chain', 1));
    else line(args.join(' '));
    return Promise.resolve([`-N ${name}`, ...(chains.get(name) ?? [])].join('\n'));
  };
  return { chains, host: { run, isRoot: () => true, hasInterface: () => true } };
}

describe('egressGate', () => {
  const unfiltered = { filtered: false, reason: 'only root can install the rules' } as const;
  const never = () => Promise.reject(new Error('there is no need to probe'));

  it('opens for filtered egress and for an operator who says so, without a probe', async () => {
    expect(
      await egressGate({ state: { filtered: true }, allowUnfiltered: false, probe: never }),
    ).toMatchObject({ allowed: true });
    expect(await egressGate({ state: unfiltered, allowUnfiltered: true, probe: never })).toMatchObject({
      allowed: true,
    });
  });

  it('opens where the metadata address cannot be reached, and nowhere else', async () => {
    const ask = (result: 'reachable' | 'unreachable' | { unknown: string }) =>
      egressGate({ state: unfiltered, allowUnfiltered: false, probe: () => Promise.resolve(result) });
    expect(await ask('unreachable')).toMatchObject({ allowed: true });
    for (const result of ['reachable', { unknown: 'no image' }] as const) {
      const decision = await ask(result);
      expect(decision.allowed).toBe(false);
      expect(decision.reason).toMatch(/only root.*ALLOW_UNFILTERED_EGRESS=1/);
    }
  });
});
