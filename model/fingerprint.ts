import { hash } from 'node:crypto';
import type { BotDocument } from './bots.ts';
import { canonicalJson } from './canonical.ts';

/** Keys of `config` that say nothing of how the container behaves; both first appear with an update (contract §2.5). */
const WITHOUT_EFFECT = new Set(['enabled', 'hasFrontend']);

/**
 * Hash of everything of a bot that decides how its container behaves: config (with the bot's own limits), code key,
 * entry points, runtime. Not of image digests, operator's defaults or our version, so that a release restarts nobody.
 */
export function fingerprint(bot: BotDocument): string {
  const config = Object.fromEntries(
    Object.entries(bot.config ?? {}).filter(([key]) => !WITHOUT_EFFECT.has(key)),
  );
  const inputs = {
    config,
    filePath: bot.custom?.filePath,
    entrypoints: bot.custom?.config?.entrypoints,
    runtime: bot.custom?.config?.runtime,
  };
  return hash('sha256', canonicalJson(inputs)).slice(0, 32);
}
