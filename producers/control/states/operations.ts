/** What bots keep in `/state`, as it lies in object storage, for people and programs. */

export type StateArchive = { at: Date; bytes: number; files: number; keys: { key: string; bytes: number }[] };

/** Everything about one bot's state. */
export type StateFacts = {
  id: string;
  /** What is in object storage; absent: nothing, or it cannot be read. */
  archive?: StateArchive | undefined;
  /** Why the archive cannot be read. */
  unreadable?: string | undefined;
  /** The newest first. */
  earlier: readonly { name: string; at: Date; bytes: number }[];
  savedAt?: Date | undefined;
  restoredAt?: Date | undefined;
  /** The platform changed it, and the bot does not have that yet. */
  platformChangedAt?: Date | undefined;
  /** It was deleted by hand, and the bot was not started without yet. */
  deletedAt?: Date | undefined;
  problems: readonly string[];
  overLimit?: string | undefined;
};

export type StateAsker = { who: string; why: string };

/**
 * What is done to states by whoever knows their archives, which producers do not. Throws `ControlError`s and those of servers
 * that are away. What is told of a change is a sentence.
 */
export type StateOperations = {
  get(id: string, signal: AbortSignal): Promise<StateFacts>;
  /** The value of one key, as text. */
  show(id: string, key: string, signal: AbortSignal): Promise<string>;
  /** Has a processor save it now, and waits for that, `withinMs` at most. */
  save(id: string, asker: StateAsker & { withinMs: number }, signal: AbortSignal): Promise<string>;
  /** `archive`: the name of an earlier one; undefined: the newest of them. */
  restore(id: string, archive: string | undefined, signal: AbortSignal): Promise<string>;
  deleteKey(id: string, key: string, signal: AbortSignal): Promise<string>;
  deleteAll(id: string, asker: StateAsker, signal: AbortSignal): Promise<string>;
};
