import { readFile } from 'node:fs/promises';
import {
  checkEgress,
  egressGate,
  installEgress,
  planEgressRules,
  probeMetadata,
  resolversOf,
  type EgressDecision,
  type EgressPlan,
  type EgressState,
} from '../../infra/engine/egress/index.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Settings } from '../../infra/config/settings.ts';
import type { Images } from '../../processors/images.ts';
import type { EgressGate } from '../../processors/launch.ts';
import type { RoleContext } from './context.ts';

/** A decision is believed so long: the engine's own restart may have flushed the rules, and an operator may mend a refusal. */
const BELIEVED_MS = { allowed: 10_000, refused: 5_000 };

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
 * process can, and asks a probe container where it cannot.
 */
export function createEgressGate(context: RoleContext, engine: Engine, images: Images): EgressGate {
  let latest: { decision: Promise<EgressDecision>; untilMs: number } | undefined;
  let said: string | undefined;

  const decide = async (): Promise<EgressDecision> => {
    const { settings, log } = context;
    const plan = await egressPlan(settings, engine);
    const decision =
      settings.EGRESS_FILTER === 'off'
        ? { allowed: true, reason: 'EGRESS_FILTER=off: somebody else filters' }
        : await egressGate({
            state: await inForce(plan),
            allowUnfiltered: settings.ALLOW_UNFILTERED_EGRESS,
            probe: async () => probeMetadata(engine, await images.ensure(settings.IMAGE_PYTHON)),
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
        ({ allowed }) => {
          entry.untilMs = performance.now() + (allowed ? BELIEVED_MS.allowed : BELIEVED_MS.refused);
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

async function inForce(plan: EgressPlan): Promise<EgressState> {
  const found = await checkEgress(plan);
  return found.filtered ? found : installEgress(plan);
}
