import { pause } from '../../infra/pause.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { readBots } from '../../producers/control/bots/read.ts';
import type { BotView } from '../../producers/control/bots/view.ts';

const EVERY_MS = 500;

/**
 * Calls `onChange` whenever a bot's phase or its reason differs from what was last seen, until `signal` aborts.
 * Polled: with a developer's handful of bots that costs nothing and works on any MongoDB.
 */
export async function watchBots(
  collections: Collections,
  onChange: (view: BotView) => void,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Map<string, string>();
  while (!signal.aborted) {
    // While MongoDB is away there is nothing to tell; the log says that it is.
    const views = await readBots(collections).catch(() => []);
    for (const view of views.toReversed()) {
      // Deployed a moment ago, and not looked at yet.
      if (view.since === null) continue;
      const state = `${view.phase}\n${view.reason}`;
      if (seen.get(view.id) === state) continue;
      seen.set(view.id, state);
      onChange(view);
    }
    await pause(EVERY_MS, signal);
  }
}

/** Resolves with the bots among `ids` that did not get to run in time; empty when all run. */
export async function untilRunning(
  collections: Collections,
  ids: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<BotView[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const views = await readBots(collections).catch(() => undefined);
    const missing = (views ?? []).filter((view) => ids.includes(view.id) && view.phase !== 'running');
    const unknown = views === undefined || ids.some((id) => !views.some((view) => view.id === id));
    if (missing.length === 0 && !unknown) return [];
    // A start that failed for good will not get better by waiting.
    const settled = !unknown && missing.every((view) => view.phase === 'failed' && view.nextAttempt === null);
    if (settled || signal.aborted || performance.now() > deadline) return missing;
    await pause(EVERY_MS, signal);
  }
}
