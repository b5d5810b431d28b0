import type { Engine } from '../../infra/engine/port.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { LABEL } from '../../model/labels.ts';
import { queryLaunchVolumeName } from '../../model/names.ts';

/** Ends all query programs at once, with the volumes that hold their configurations: nothing of them is worth a farewell. */
export async function endQueries(
  { queryContainers }: Pick<Collections, 'queryContainers'>,
  engine: Engine,
): Promise<void> {
  for (const { id, labels } of await engine.list({ labels: { [LABEL.kind]: 'query' } })) {
    const botId = labels[LABEL.id] ?? '';
    // First, so that nobody is sent there any more.
    await queryContainers.deleteOne({ _id: botId, containerId: id });
    await engine.remove(id, { force: true });
    await engine.removeVolume(queryLaunchVolumeName(engine.installation, botId, labels[LABEL.request]));
  }
}
