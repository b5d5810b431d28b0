import type { Settings } from '../infra/config/settings.ts';
import { IptablesError, removeEgress } from '../infra/engine/egress/index.ts';
import { bridgeName } from '../infra/engine/names.ts';
import { egressPlanOn } from './roles/egress.ts';

/**
 * Takes the installation's rules away; the engine is not needed for it. No-op where there are none, or no iptables.
 * Throws `IptablesError`.
 */
export async function removeRules(
  settings: Settings,
  remove: typeof removeEgress = removeEgress,
): Promise<void> {
  const plan = await egressPlanOn(settings, bridgeName(settings.INSTALLATION));
  try {
    await remove(plan);
  } catch (error) {
    if (!(error instanceof IptablesError && error.code === 'ENOENT')) throw error;
  }
}
