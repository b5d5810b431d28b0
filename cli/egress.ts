import type { Settings } from '../infra/config/settings.ts';
import { IptablesError, planClosedRules, removeEgress } from '../infra/engine/egress/index.ts';
import { bridgeName, internalBridgeName } from '../infra/engine/names.ts';
import { sharedQueryNetwork } from '../model/names.ts';
import { egressPlanOn } from './roles/egress.ts';

/**
 * Takes the installation's rules away; the engine is not needed for it. No-op where there are none, or no iptables.
 * Throws `IptablesError`.
 */
export async function removeRules(
  settings: Settings,
  remove: typeof removeEgress = removeEgress,
): Promise<void> {
  const { INSTALLATION: installation } = settings;
  const plans = [
    await egressPlanOn(settings, bridgeName(installation)),
    planClosedRules({ installation, bridge: internalBridgeName(sharedQueryNetwork(installation)) }),
  ];
  try {
    for (const plan of plans) await remove(plan);
  } catch (error) {
    if (!(error instanceof IptablesError && error.code === 'ENOENT')) throw error;
  }
}
