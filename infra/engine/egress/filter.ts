import { existsSync } from 'node:fs';
import { type EgressChain, type EgressPlan, jumpRule } from './plan.ts';
import { type Iptables, IptablesError, runIptables } from './iptables.ts';
import { messageOf } from '../../message-of.ts';

/** Whether the rules are in force, or why not. */
export type EgressState = { filtered: true } | { filtered: false; reason: string };

export type EgressHost = {
  run?: Iptables;
  isRoot?: () => boolean;
  /** Whether the network interface is this machine's. */
  hasInterface?: (name: string) => boolean;
};

/**
 * Puts the rules in force, or says why it cannot. Each chain's content is replaced in one transaction, and the jump
 * to it is never taken away first: at no moment of a renewed installation do bots run without rules.
 */
export async function installEgress(plan: EgressPlan, host: EgressHost = {}): Promise<EgressState> {
  const obstacle = obstacleOf(plan, host);
  if (obstacle !== undefined) return { filtered: false, reason: obstacle };
  const run = host.run ?? runIptables;
  try {
    for (const chain of plan.chains) {
      // With --noflush, naming a chain empties and refills this one and touches no other.
      await run(
        'iptables-restore',
        ['--noflush'],
        `*filter\n:${chain.name} - [0:0]\n${chain.rules.join('\n')}\nCOMMIT\n`,
      );
      await putJumpFirst(run, plan.bridge, chain);
    }
  } catch (error) {
    return { filtered: false, reason: reasonOf(error) };
  }
  return checkEgress(plan, host);
}

/** Compares what is in force with the plan; another program may have flushed the tables. */
export async function checkEgress(plan: EgressPlan, host: EgressHost = {}): Promise<EgressState> {
  const obstacle = obstacleOf(plan, host);
  if (obstacle !== undefined) return { filtered: false, reason: obstacle };
  const run = host.run ?? runIptables;
  try {
    for (const chain of plan.chains) {
      const installed = await rulesOf(run, chain.name);
      if (installed === undefined) return { filtered: false, reason: `the chain ${chain.name} is not there` };
      if (installed.join('\n') !== chain.rules.join('\n'))
        return { filtered: false, reason: `the chain ${chain.name} is not as it should be` };
      const from = await parentOf(run, chain);
      if (!isAhead(await rulesOf(run, from), jumpRule(from, plan.bridge, chain.name)))
        return { filtered: false, reason: `${from} does not begin with the jump to ${chain.name}` };
    }
  } catch (error) {
    return { filtered: false, reason: reasonOf(error) };
  }
  return { filtered: true };
}

/** Takes away everything that `installEgress` made. No-op if nothing is there. Throws `IptablesError`. */
export async function removeEgress(plan: EgressPlan, host: EgressHost = {}): Promise<void> {
  const run = host.run ?? runIptables;
  for (const chain of plan.chains) {
    for (const from of [chain.from, chain.orElse ?? chain.from])
      await dropJumps(run, from, plan.bridge, chain);
    if ((await rulesOf(run, chain.name)) === undefined) continue;
    await run('iptables', ['-F', chain.name]);
    await run('iptables', ['-X', chain.name]);
  }
}

/** Others who install the same rules may be quicker, so often at most. */
const JUMP_TRIES = 5;

/**
 * One jump, and before all others. Where it is not so, all there are go and one comes, in one transaction: never by their
 * numbers, which move whenever somebody else puts a rule before them, so that a rule of his would go.
 */
async function putJumpFirst(run: Iptables, bridge: string, chain: EgressChain): Promise<void> {
  const from = await parentOf(run, chain);
  const jump = jumpRule(from, bridge, chain.name);
  for (let tries = 1; ; tries += 1) {
    const rules = (await rulesOf(run, from)) ?? [];
    const there = rules.filter((rule) => rule === jump);
    if (there.length === 1 && isAhead(rules, jump)) return;
    const lines = [...there.map(() => `-D ${from}`), `-I ${from} 1`].map(
      (verb) => `${verb} -i ${bridge} -j ${chain.name}\n`,
    );
    try {
      await run('iptables-restore', ['--noflush'], `*filter\n${lines.join('')}COMMIT\n`);
    } catch (error) {
      // Somebody has taken one of them away meanwhile, perhaps: then nothing of it was done.
      if (tries === JUMP_TRIES) throw error;
    }
    if (tries === JUMP_TRIES) return;
  }
}

const OUR_JUMP = /^-A \S+ -i \S+ -j THE0-Q?(?:FWD|HOST)-[0-9a-f]{8}$/;

/** Whether nothing stands before a jump but other bridges' jumps to chains of ours, which do not compete for the first place. */
function isAhead(rules: readonly string[] | undefined, jump: string): boolean {
  const at = rules?.indexOf(jump) ?? -1;
  return at >= 0 && rules?.slice(0, at).every((rule) => OUR_JUMP.test(rule)) === true;
}

/** By what they say: the number of a rule may be another's by now. */
async function dropJumps(run: Iptables, from: string, bridge: string, { name }: EgressChain): Promise<void> {
  const rules = (await rulesOf(run, from)) ?? [];
  for (const rule of rules)
    if (rule === jumpRule(from, bridge, name)) await run('iptables', ['-D', from, '-i', bridge, '-j', name]);
}

async function parentOf(run: Iptables, chain: EgressChain): Promise<string> {
  return chain.orElse === undefined || (await rulesOf(run, chain.from)) !== undefined
    ? chain.from
    : chain.orElse;
}

/** The rules of a chain as `-A …`; undefined if there is no such chain. */
async function rulesOf(run: Iptables, chain: string): Promise<string[] | undefined> {
  try {
    const listed = await run('iptables', ['-S', chain]);
    return listed.split('\n').filter((line) => line.startsWith('-A '));
  } catch (error) {
    if (error instanceof IptablesError && error.code === 1) return undefined;
    throw error;
  }
}

function obstacleOf(plan: EgressPlan, host: EgressHost): string | undefined {
  const isRoot = host.isRoot ?? (() => process.getuid?.() === 0);
  const hasInterface = host.hasInterface ?? ((name) => existsSync(`/sys/class/net/${name}`));
  if (!isRoot()) return 'only root can install the rules';
  if (!hasInterface(plan.bridge))
    return `the bridge ${plan.bridge} is not on this machine: the container engine runs elsewhere, or the network is not there yet`;
  return undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof IptablesError && error.code === 'ENOENT') return 'this machine has no iptables';
  return messageOf(error);
}
