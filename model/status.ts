/** What is known of a bot besides its document: kept in `<runtime database>.bot_status`, written only under its lock. */

export const PHASES = [
  'pending',
  'starting',
  'running',
  'backing-off',
  'stopping',
  'stopped',
  'held',
  'failed',
  'state-unavailable',
] as const;

export type Phase = (typeof PHASES)[number];

/** How a container ended. */
export type LastExit = {
  at: Date;
  exitCode: number;
  signal?: string;
  oomKilled: boolean;
  /** Seconds it had been up. */
  upSeconds: number;
  containerId: string;
  /** The last lines of its output, oldest first, bounded. */
  lastOutput: string[];
  /** True where we asked it to stop: no crash. */
  requested: boolean;
};

/** The fenced lock of a bot: a holder, the token it was given, and when it lapses unless renewed. */
export type BotLock = { token: number; owner: string; until: Date };

export type BotStatus = {
  /** The bot's id. */
  _id: string;
  phase: Phase;
  /** In plain words: why it is in this phase, and what mends it where something is wrong. */
  reason: string;
  /** When this phase began. */
  since: Date;
  updatedAt: Date;
  /** Starts after a crash, since the owner's last change. */
  restarts: number;
  /** Crashes in a row, without ten quiet minutes between them: the crash loop's exponent. */
  consecutiveFailures: number;
  lastExit?: LastExit;
  /** When the next attempt is due: crash loop or failure by circumstance. */
  nextAttemptAt?: Date;
  /** Fingerprint of the last attempt; together with `permanent`, what is not tried again unchanged. */
  attemptedFingerprint?: string;
  /** Which wish for a restart the last attempt was made under: a newer one is tried at once. Absent: none. */
  attemptedRestarts?: number;
  /** The last start failed in a way that only a change, or a person's wish, can mend. */
  permanent?: boolean;
  /** Machine-readable code of the failure. */
  failureCode?: string;
  image?: string;
  /** Of the trace in which something was last done about it, hex; absent where that was not traced. */
  traceId?: string;
  containerId?: string;
  startedAt?: Date;
  lock?: BotLock | null;
  /** Counts up with each holder; survives the release of the lock. */
  token: number;
};
