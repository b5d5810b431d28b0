import { planEgressRules, removeEgress } from '../../infra/engine/egress/index.ts';
import type { Engine } from '../../infra/engine/port.ts';

/**
 * Removes every container, volume, network and filter rule of the engine's installation: what a test made, it takes away.
 */
export async function removeAll(engine: Engine): Promise<void> {
  for (const { id } of await engine.list()) await engine.remove(id, { force: true });
  for (const { name } of await engine.listVolumes()) await engine.removeVolume(name);
  if (process.getuid?.() === 0) {
    const { bridge } = await engine.ensureNetwork();
    await removeEgress(
      planEgressRules({ installation: engine.installation, bridge, allow: [], resolvers: [] }),
    );
  }
  await engine.removeNetwork();
}
