import { existsSync } from 'node:fs';
import type { Settings } from '../../infra/config/settings.ts';
import { checkEgress, type EgressState } from '../../infra/engine/egress/index.ts';
import { bridgeName } from '../../infra/engine/names.ts';
import { LABEL } from '../../model/labels.ts';
import { egressPlanOn } from '../roles/egress.ts';
import { ok, bad, warn, type Check } from './check.ts';
import { openEngine } from './engine.ts';
import { reasonOf, type Probed } from './probed.ts';

export type EgressFacts = {
  state: EgressState;
  bridge: string;
  /** Whether the bridge is an interface of this machine: else its rules are not here either. */
  bridgeHere: boolean;
  isRoot: boolean;
  runningBots: number;
};

/** Asks and changes nothing: neither network nor rules are made. */
export async function probeEgress(settings: Settings, signal: AbortSignal): Promise<EgressFacts> {
  const engine = openEngine(settings);
  await using _ = engine;
  const bridge = bridgeName(settings.INSTALLATION);
  const plan = await egressPlanOn(settings, bridge);
  const [state, containers] = await Promise.all([
    checkEgress(plan),
    engine.list({ labels: { [LABEL.kind]: 'bot' } }, { signal }),
  ]);
  return {
    state,
    bridge,
    bridgeHere: existsSync(`/sys/class/net/${bridge}`),
    isRoot: process.getuid?.() === 0,
    runningBots: containers.filter((container) => container.state === 'running').length,
  };
}

export function egressCheck(
  probed: Probed<EgressFacts>,
  { EGRESS_FILTER: filter, ALLOW_UNFILTERED_EGRESS: allowed }: Settings,
): Check {
  const name = 'egress filter';
  if (filter === 'off')
    return ok(
      name,
      'EGRESS_FILTER=off: somebody else filters; not looked at here, processors probe it before they start bots',
    );
  if ('error' in probed)
    return warn(name, `not known: ${reasonOf(probed.error)}`, 'mend the engine first, then ask again');
  const { state, bridge, bridgeHere, isRoot, runningBots } = probed.found;
  if (state.filtered) return ok(name, `in force on ${bridge}, ${bots(runningBots)}`);
  if (!isRoot) return warn(name, 'not known: only root can look at the rules', 'run the doctor as root');
  const install = '`npx the0-runtime network setup`';
  if (runningBots === 0)
    return warn(
      name,
      `not in force (${state.reason}); no bot runs`,
      `nothing to do where the runtime runs as root here, since it installs the rules before a bot starts; or ${install}`,
    );
  const what = `not in force (${state.reason}), ${bots(runningBots)}`;
  if (allowed) return warn(name, `${what}; ALLOW_UNFILTERED_EGRESS=1`, install);
  return bridgeHere
    ? bad(name, what, `${install}, or EGRESS_FILTER=off if somebody else filters`)
    : warn(name, what, 'run the doctor on the engine’s host');
}

const bots = (count: number): string => (count === 1 ? '1 bot runs' : `${count} bots run`);
