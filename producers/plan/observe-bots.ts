import type { ContainerView, Engine } from '../../infra/engine/port.ts';
import { LABEL, restartsOf } from '../../model/labels.ts';
import { containerName } from '../../model/names.ts';
import type { ObservedContainer } from '../../model/planner.ts';

/** Above this many bots one listing is cheaper than looking at each container. */
const LIST_ABOVE = 12;

/** The containers of the given bots, or of all: the engine is asked each time, nothing is remembered. */
export async function observeBots(engine: Engine, botIds?: readonly string[]): Promise<ObservedContainer[]> {
  if (botIds === undefined || botIds.length > LIST_ABOVE) {
    const listed = await engine.list({ labels: { [LABEL.kind]: 'bot' } });
    const all = listed.flatMap((view) => observed(view) ?? []);
    if (botIds === undefined) return all;
    const asked = new Set(botIds);
    return all.filter((container) => asked.has(container.botId));
  }
  const views = await Promise.all(
    botIds.map((botId) => engine.inspect(containerName(engine.installation, botId))),
  );
  return views.flatMap((view) => (view === undefined ? [] : (observed(view) ?? [])));
}

function observed(view: ContainerView): ObservedContainer | undefined {
  const botId = view.labels[LABEL.id];
  if (botId === undefined || botId === '' || botId.length > 1024) return undefined;
  return {
    botId,
    containerId: view.id,
    state: view.state,
    fingerprint: view.labels[LABEL.fingerprint] ?? '',
    restarts: restartsOf(view.labels),
  };
}
