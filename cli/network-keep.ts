import { rmSync, writeFileSync } from 'node:fs';
import type { Settings } from '../infra/config/settings.ts';
import {
  checkEgress,
  installEgress,
  planClosedRules,
  type EgressPlan,
  type EgressState,
} from '../infra/engine/egress/index.ts';
import { bridgeName, internalBridgeName } from '../infra/engine/names.ts';
import type { Logger } from '../infra/logger.ts';
import { pause } from '../infra/pause.ts';
import { sharedQueryNetwork } from '../model/names.ts';
import { CliError } from './errors.ts';
import { egressPlanOn } from './roles/egress.ts';

const LOOK_EVERY_MS = 5_000;

/** The rules match a bridge by its name, so they can wait for it: no bot is ever on it without them. */
const BEFORE_THE_BRIDGE = { hasInterface: () => true };

type KeepOptions = {
  log: Logger;
  signal: AbortSignal;
  everyMs?: number;
  /** Told after each look whether the rules are in force. */
  looked?: (inForce: boolean) => void;
};

/** A file that health checks go by: there, and just written, as long as the rules are seen to be in force. */
export function signAt(path: string): (inForce: boolean) => void {
  return (inForce) => (inForce ? writeFileSync(path, '') : rmSync(path, { force: true }));
}

/**
 * Puts the installation's rules in force and looks again every few seconds, since other software flushes them; the engine is
 * not asked. Ends with the signal, and leaves the rules, as bots run on. Throws `CliError` where it cannot from the start.
 */
export async function keepRules(
  settings: Settings,
  { log, signal, everyMs = LOOK_EVERY_MS, looked = () => undefined }: KeepOptions,
): Promise<void> {
  const { INSTALLATION: installation } = settings;
  let said: string | undefined;
  while (!signal.aborted) {
    const state = await inForce(await plansOf(settings));
    looked(state.filtered);
    const saying = state.filtered ? 'in force' : state.reason;
    if (saying !== said) {
      if (state.filtered) log.info({ installation }, 'The rules of the bots’ network are in force');
      else if (said === undefined)
        throw new CliError(
          `The egress rules of installation ${installation} could not be installed: ${saying}`,
        );
      else log.error({ installation, reason: saying }, 'The rules of the bots’ network are not in force');
      said = saying;
    }
    await pause(everyMs, signal);
  }
}

/** Of the bots' network, and of the one that query programs share. */
async function plansOf(settings: Settings): Promise<EgressPlan[]> {
  const { INSTALLATION: installation } = settings;
  return [
    await egressPlanOn(settings, bridgeName(installation)),
    planClosedRules({ installation, bridge: internalBridgeName(sharedQueryNetwork(installation)) }),
  ];
}

async function inForce(plans: readonly EgressPlan[]): Promise<EgressState> {
  for (const plan of plans) {
    const found = await checkEgress(plan, BEFORE_THE_BRIDGE);
    const state = found.filtered ? found : await installEgress(plan, BEFORE_THE_BRIDGE);
    if (!state.filtered) return state;
  }
  return { filtered: true };
}
