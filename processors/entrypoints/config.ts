import type { BotConfig } from '../../model/bots.ts';

/**
 * Largest configuration, in bytes of JSON. Linux takes at most 128 KiB for one variable of the environment, its name
 * included, and every SDK reads BOT_CONFIG from there.
 */
export const MAX_CONFIG_BYTES = 120 * 1024;

/** Why a configuration cannot be handed to a bot, or undefined if it can. Never shows a value: they are secrets. */
export function configProblem(config: unknown): string | undefined {
  if (config === null || typeof config !== 'object' || Array.isArray(config))
    return `config must be a JSON object, not ${kindOf(config)}`;
  let json: string;
  try {
    json = configJson(config as BotConfig);
  } catch {
    // The engine's message may quote a key; that it cannot be written as JSON is all there is to say.
    return 'config cannot be written as JSON: it refers to itself or holds a value that JSON has no form for';
  }
  const bytes = Buffer.byteLength(json);
  if (bytes <= MAX_CONFIG_BYTES) return undefined;
  return (
    `config has ${bytes} bytes as JSON; at most ${MAX_CONFIG_BYTES} (120 KiB) fit into BOT_CONFIG, since Linux limits ` +
    'a variable of the environment to 128 KiB: put large data into the code archive or fetch it from the bot'
  );
}

/** The text of `BOT_CONFIG`. */
export const configJson = (config: BotConfig): string => JSON.stringify(config);

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
