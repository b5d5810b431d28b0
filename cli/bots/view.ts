import { isEnabled, type BotDocument } from '../../model/bots.ts';
import { PHASES, type BotStatus, type LastExit, type Phase } from '../../model/status.ts';

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
};

/** The parts of a document that a view is made of: a config may hold exchange keys and is not fetched at all. */
export type BotFacts = Pick<BotDocument, 'id' | 'enabled' | 'config' | 'custom'>;

export const BOT_PROJECTION = {
  _id: 0,
  id: 1,
  enabled: 1,
  'config.enabled': 1,
  'config.name': 1,
  'custom.version': 1,
  'custom.config.name': 1,
  'custom.config.runtime': 1,
  'custom.config.version': 1,
} as const;

export const STATUS_PROJECTION = { lock: 0, token: 0, attemptedFingerprint: 0 } as const;

export type StatusFacts = Omit<BotStatus, 'lock' | 'token' | 'attemptedFingerprint'>;

/** `bot` is absent for one that was deleted and whose container is still being stopped. */
export function botView(id: string, bot: BotFacts | undefined, status: StatusFacts | undefined): BotView {
  const enabled = bot !== undefined && isEnabled(bot);
  const unseen: Pick<BotView, 'phase' | 'reason'> = enabled
    ? { phase: 'pending', reason: 'Nothing has looked at it yet: is a bot-runner or `up` running?' }
    : { phase: 'stopped', reason: 'Its owner has disabled it' };
  const { at, ...exit } = status?.lastExit ?? { at: undefined };
  return {
    id,
    phase: status?.phase ?? unseen.phase,
    reason: status?.reason ?? unseen.reason,
    since: status?.since?.toISOString() ?? null,
    restarts: status?.restarts ?? 0,
    lastExit: at === undefined ? null : { ...(exit as Omit<LastExit, 'at'>), at: at.toISOString() },
    nextAttempt: status?.nextAttemptAt?.toISOString() ?? null,
    image: status?.image ?? null,
    container: status?.containerId ?? null,
    enabled,
    name: text(bot?.config?.['name']) ?? text(bot?.custom?.config?.name),
    runtime: text(bot?.custom?.config?.runtime),
    version: text(bot?.custom?.version) ?? text(bot?.custom?.config?.version),
  };
}

/** Trouble first, then what is on its way, then what is well; by id within a phase. */
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

export function byTrouble(one: BotView, other: BotView): number {
  return TROUBLE.indexOf(one.phase) - TROUBLE.indexOf(other.phase) || (one.id < other.id ? -1 : 1);
}

/** How many bots are in each phase that occurs, in the order of `PHASES`. */
export function countPhases(views: readonly BotView[]): [Phase, number][] {
  return PHASES.map((phase): [Phase, number] => [
    phase,
    views.filter((view) => view.phase === phase).length,
  ]).filter(([, count]) => count > 0);
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
