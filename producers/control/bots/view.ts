import type { HoldDocument, RestartDocument } from '../../../infra/mongo/collections.ts';
import { isEnabled, type BotDocument } from '../../../model/bots.ts';
import type { BotStatus, LastExit, Phase } from '../../../model/status.ts';

/** Who wanted something and why, as views have it. */
export type WishView = { who: string; why: string; at: string };

/** A bot as `bots --json` shows it. Dates are ISO text, absent facts are null. Never the bot's config. */
export type BotView = {
  id: string;
  phase: Phase;
  reason: string;
  since: string | null;
  restarts: number;
  lastExit: (Omit<LastExit, 'at'> & { at: string }) | null;
  nextAttempt: string | null;
  image: string | null;
  container: string | null;
  enabled: boolean;
  name: string | null;
  runtime: string | null;
  version: string | null;
  /** As its owner wrote it: `realtime/price-alerts`. */
  type: string | null;
  /** The operator's wish that it shall not run. */
  hold: WishView | null;
  /** The newest wish of an operator that it be restarted, or tried again. */
  restart: WishView | null;
  failureCode: string | null;
  startedAt: string | null;
  /** Crashes in a row. */
  consecutiveFailures: number;
  updatedAt: string | null;
  /** Of the trace of what was done last. */
  traceId: string | null;
};

/** The parts of a document that a view is made of: a config may hold exchange keys and is not fetched at all. */
export type BotFacts = Pick<BotDocument, 'id' | 'enabled' | 'config' | 'custom'>;

export const BOT_PROJECTION = {
  _id: 0,
  id: 1,
  enabled: 1,
  'config.enabled': 1,
  'config.name': 1,
  'config.type': 1,
  'custom.version': 1,
  'custom.config.name': 1,
  'custom.config.runtime': 1,
  'custom.config.version': 1,
} as const;

export const STATUS_PROJECTION = {
  lock: 0,
  token: 0,
  attemptedFingerprint: 0,
  attemptedRestarts: 0,
} as const;

export type StatusFacts = Omit<BotStatus, 'lock' | 'token' | 'attemptedFingerprint' | 'attemptedRestarts'>;

/** What is known of one bot. `bot` is absent for one that was deleted and whose container is still being stopped. */
export type KnownOfBot = {
  id: string;
  bot?: BotFacts | undefined;
  status?: StatusFacts | undefined;
  hold?: HoldDocument | undefined;
  restart?: RestartDocument | undefined;
};

export function botView({ id, bot, status, hold, restart }: KnownOfBot): BotView {
  const enabled = bot !== undefined && isEnabled(bot);
  const { at, ...exit } = status?.lastExit ?? { at: undefined };
  return {
    id,
    phase: phaseOf(bot, status),
    reason: status?.reason ?? (enabled ? UNSEEN : 'Its owner has disabled it'),
    since: status?.since?.toISOString() ?? null,
    restarts: status?.restarts ?? 0,
    lastExit: at === undefined ? null : { ...(exit as Omit<LastExit, 'at'>), at: at.toISOString() },
    nextAttempt: status?.nextAttemptAt?.toISOString() ?? null,
    image: status?.image ?? null,
    container: status?.containerId ?? null,
    enabled,
    ...namesOf(bot),
    hold: wishView(hold),
    restart: wishView(restart),
    failureCode: status?.failureCode ?? null,
    startedAt: status?.startedAt?.toISOString() ?? null,
    consecutiveFailures: status?.consecutiveFailures ?? 0,
    updatedAt: status?.updatedAt?.toISOString() ?? null,
    traceId: status?.traceId ?? null,
  };
}

const UNSEEN = 'Nothing has looked at it yet: is a bot-runner or `up` running?';

/** Of a bot that nothing has looked at yet, too. */
export const phaseOf = (
  bot: Pick<BotDocument, 'id' | 'enabled' | 'config'> | undefined,
  status: Pick<BotStatus, 'phase'> | undefined,
): Phase => status?.phase ?? (bot !== undefined && isEnabled(bot) ? 'pending' : 'stopped');

/** What people call a bot and its parts. The instance's own name, else that of its definition. */
export const namesOf = (
  bot: BotFacts | undefined,
): Pick<BotView, 'name' | 'runtime' | 'version' | 'type'> => ({
  name: text(bot?.config?.['name']) ?? text(bot?.custom?.config?.name),
  runtime: text(bot?.custom?.config?.runtime),
  version: text(bot?.custom?.version) ?? text(bot?.custom?.config?.version),
  type: text(bot?.config?.['type']),
});

/** Trouble first, then what is on its way, then what is well. */
const TROUBLE: readonly Phase[] = [
  'failed',
  'state-unavailable',
  'backing-off',
  'stopping',
  'starting',
  'pending',
  'held',
  'running',
  'stopped',
];

export const troubleOf = (phase: Phase): number => TROUBLE.indexOf(phase);

/** By id within a phase. */
export function byTrouble(one: BotView, other: BotView): number {
  return troubleOf(one.phase) - troubleOf(other.phase) || (one.id < other.id ? -1 : 1);
}

const MAX_TEXT = 200;

/** Somebody may have pasted anything there. */
const text = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null;

const wishView = (wish: { who: string; why: string; at: Date } | undefined): WishView | null =>
  wish === undefined ? null : { who: wish.who, why: wish.why, at: wish.at.toISOString() };
