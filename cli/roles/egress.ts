import { readFile } from 'node:fs/promises';
import {
  checkEgress,
  egressGate,
  installEgress,
  planEgressRules,
  resolversOf,
  type EgressDecision,
  type EgressPlan,
  type EgressState,
} from '../../infra/engine/egress/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { OutageLog } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { RUNTIME_IDS, runtimeOf } from '../../processors/entrypoints/index.ts';
import type { Images } from '../../processors/images.ts';
import type { EgressGate } from '../../processors/launch.ts';
import type { RoleContext } from './context.ts';
import { probeWithAny } from './egress-probe.ts';

const LOOK_EVERY_MS = 15_000;
/**
 * A decision is believed so long: the engine's own restart may have flushed the rules, and an operator may mend a refusal.
 * What a probe found somewhat longer: each costs a container.
 */
const BELIEVED_MS = { filtered: 10_000, probed: 60_000, refused: 5_000 };

/** What is to be in force for the installation's network, which is made if need be. */
export async function egressPlan(settings: Settings, engine: Engine): Promise<EgressPlan> {
  const { bridge } = await engine.ensureNetwork();
  return egressPlanOn(settings, bridge);
}

/** The same for a bridge that is known: the engine is not asked, and nothing is made. */
export async function egressPlanOn(settings: Settings, bridge: string): Promise<EgressPlan> {
  const resolvConf = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  return planEgressRules({
    installation: settings.INSTALLATION,
    bridge,
    allow: settings.EGRESS_ALLOW,
    resolvers: resolversOf(resolvConf),
  });
}

/**
 * Decides before each start whether strangers' code may be let onto the network as it is: installs the rules where this
 * process can, and asks a probe container where it cannot or (EGRESS_FILTER=off) is not to.
 */
export function createEgressGate(context: RoleContext, engine: Engine, images: Images): EgressGate {
  let latest: { decision: Promise<EgressDecision>; untilMs: number } | undefined;
  let said: string | undefined;

  const decide = async (): Promise<EgressDecision> => {
    const { settings, log } = context;
    const plan = await egressPlan(settings, engine);
    const decision = await egressGate({
      state: await inForce(plan, settings),
      allowUnfiltered: settings.ALLOW_UNFILTERED_EGRESS,
      probe: () =>
        probeWithAny(
          { engine, images },
          RUNTIME_IDS.map((id) => runtimeOf(id).image(settings)),
        ),
    });
    if (said !== decision.reason)
      log[decision.allowed ? 'info' : 'error'](
        { allowed: decision.allowed },
        `Bots’ network: ${decision.reason}`,
      );
    said = decision.reason;
    return decision;
  };

  return async () => {
    if (latest === undefined || performance.now() > latest.untilMs) {
      const decision = decide();
      const entry = { decision, untilMs: Infinity };
      latest = entry;
      decision.then(
        ({ allowed, probed }) => {
          const { filtered, probed: unreached, refused } = BELIEVED_MS;
          entry.untilMs = performance.now() + (!allowed ? refused : probed === true ? unreached : filtered);
        },
        () => {
          // Could not be found out now: the next start asks again.
          if (latest === entry) latest = undefined;
        },
      );
    }
    return latest.decision;
  };
}

async function inForce(plan: EgressPlan, { EGRESS_FILTER: filter }: Settings): Promise<EgressState> {
  const found = await checkEgress(plan);
  if (found.filtered) return found;
  return filter === 'off'
    ? { filtered: false, reason: 'EGRESS_FILTER=off leaves that to somebody else' }
    : installEgress(plan);
}

/**
 * Looks at the network now and then also when nothing starts: other software may flush the rules under running bots, and
 * looking puts them back. What cannot be put back shows in /readyz.
 */
export function keepGate({ lifecycle, health, log }: RoleContext, gate: EgressGate): EgressGate {
  const outage = new OutageLog(log, 'The filter of the bots’ network');
  const look = async (): Promise<void> => {
    for (;;) {
      await pause(LOOK_EVERY_MS, lifecycle.signal);
      if (lifecycle.signal.aborted) return;
      try {
        const { allowed, reason } = await gate();
        health.degrade('egress', allowed ? undefined : reason);
        outage.recovered();
      } catch (error) {
        outage.failed(error);
      }
    }
  };
  const looking = look();
  lifecycle.onStop('egress filter', () => looking);
  return gate;
}
