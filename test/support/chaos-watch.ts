import type { Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import { until } from './poll.ts';

export type DoublesWatch = { stop(): Promise<string[]> };

/**
 * Watches a real engine for two containers of one bot at once: every event, and a listing several times a second in case
 * one is missed. `stop` resolves with what was seen.
 */
export function watchForDoubles(engine: Engine): DoublesWatch {
  const seen = new Set<string>();
  const up = new Map<string, Set<string>>();
  const ending = new AbortController();
  const follow = async (): Promise<void> => {
    for await (const event of engine.events({ signal: ending.signal })) {
      const botId = event.labels[LABEL.id];
      if (event.labels[LABEL.kind] !== 'bot' || botId === undefined) continue;
      const mine = up.get(botId) ?? new Set<string>();
      up.set(botId, mine);
      if (event.type === 'died' || event.type === 'removed') mine.delete(event.containerId);
      if (event.type === 'started') mine.add(event.containerId);
      if (mine.size > 1) seen.add(`${botId}: ${[...mine].join(' and ')} ran at once`);
    }
  };
  const list = async (): Promise<void> => {
    await until(
      async () => {
        const all = Map.groupBy(
          await engine.list({ labels: { [LABEL.kind]: 'bot' } }),
          (container) => container.labels[LABEL.id] ?? '',
        );
        for (const [botId, containers] of all)
          if (containers.length > 1) seen.add(`${botId}: ${containers.length} containers at once`);
        return ending.signal.aborted;
      },
      { timeoutMs: 3_600_000, everyMs: 200 },
    );
  };
  const watching = Promise.all([follow(), list()]);
  // Heard of in stop(): until then it is nobody's unhandled rejection.
  watching.catch(() => undefined);
  return {
    async stop() {
      ending.abort();
      await watching;
      return [...seen];
    },
  };
}
