import { planClosedRules, planEgressRules, removeEgress } from '../../infra/engine/egress/index.ts';
import { internalBridgeName } from '../../infra/engine/names.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { sharedQueryNetwork } from '../../model/names.ts';

/**
 * Removes every container, volume, network and filter rule of the engine's installation: what a test made, it takes away.
 */
export async function removeAll(engine: Engine): Promise<void> {
  for (const { id } of await engine.list()) await engine.remove(id, { force: true });
  for (const { name } of await engine.listVolumes()) await engine.removeVolume(name);
  for (const name of await engine.listInternalNetworks()) await engine.removeInternalNetwork(name);
  if (process.getuid?.() === 0) {
    const { installation } = engine;
    const { bridge } = await engine.ensureNetwork();
    await removeEgress(planEgressRules({ installation, bridge, allow: [], resolvers: [] }));
    await removeEgress(
      planClosedRules({ installation, bridge: internalBridgeName(sharedQueryNetwork(installation)) }),
    );
  }
  await engine.removeNetwork();
}
