/** A bot as the platform describes it. Shapes are the contract's (platform-boundary §2.3, §3.2). */

/** The definition a bot was made from, as kept in MongoDB. Everything may be missing: old documents are adopted. */
export type BotDefinition = {
  name?: string;
  description?: string;
  runtime?: string;
  version?: string;
  author?: string;
  type?: string;
  entrypoints?: { bot?: string; query?: string };
  schema?: unknown;
  readme?: string;
  metadata?: unknown;
};

/** `custom` of a bot document: the definition's snapshot and where its code is. */
export type BotCustom = {
  version?: string;
  config?: BotDefinition;
  /** Key of the ZIP in the code bucket, verbatim; `''` if nothing was ever uploaded. */
  filePath?: string;
  createdAt?: string;
  updatedAt?: string;
};

/** The instance's own configuration: free-form, with the keys we read named here. */
export type BotConfig = Readonly<Record<string, unknown>>;

/** `bot_runner.bots`, less MongoDB's `_id`. */
export type BotDocument = {
  id: string;
  segment_id?: number;
  config?: BotConfig;
  custom?: BotCustom;
  /** Root-level flag: outranks `config.enabled`. Read, never written, by us. */
  enabled?: unknown;
};

/**
 * Whether its owner wants the bot to run (contract §2.5): a root boolean wins, else `config.enabled`; missing means
 * yes, `false`, `"false"`, `"0"` and numeric 0 mean no, and anything else means yes.
 */
export function isEnabled(bot: BotDocument): boolean {
  const wish = typeof bot.enabled === 'boolean' ? bot.enabled : bot.config?.['enabled'];
  return !(wish === false || wish === 'false' || wish === '0' || wish === 0);
}

const BOT_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/**
 * Why an id cannot be used, or undefined if it can. The platform's ids are 24 characters of `[a-z0-9]`; ours are laxer
 * so that other writers work, yet always safe in container names, object keys and paths.
 */
export function botIdProblem(id: unknown): string | undefined {
  if (typeof id !== 'string') return `id must be a string, not ${id === null ? 'null' : typeof id}`;
  if (id === '') return 'id is empty';
  if (id.length > 128) return `id has ${id.length} characters; at most 128 are allowed`;
  if (!BOT_ID.test(id) || id.includes('..'))
    return `id ${JSON.stringify(id)} may hold only letters, digits, "_", "-" and single dots, and must start with a letter or digit`;
  return undefined;
}
