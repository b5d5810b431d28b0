import type { Bot, Exit, Rollout } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { botPhases, rolloutStates } from '../../../producers/control/api/bot-messages.ts';
import { msOf } from '../../../producers/control/api/wire.ts';
import type { BotView, WishView } from '../../../producers/control/bots/view.ts';
import type { RolloutState } from '../../../model/rollout.ts';
import { iso, isoOf, text, wishView } from './fields.ts';

/** A bot as the API tells it, as `bots --json` shows it. */
export const botView = (bot: Bot): BotView => ({
  id: bot.id,
  phase: botPhases.words([bot.phase])[0] ?? 'pending',
  reason: bot.reason,
  since: iso(bot.since),
  restarts: bot.restarts,
  lastExit: bot.lastExit === undefined ? null : exitView(bot.lastExit),
  nextAttempt: iso(bot.nextAttempt),
  image: text(bot.image),
  container: text(bot.container),
  enabled: bot.enabled,
  name: text(bot.name),
  runtime: text(bot.runtime),
  version: text(bot.version),
  type: text(bot.type),
  hold: wishView(bot.hold),
  restart: wishView(bot.restart),
  failureCode: text(bot.failureCode),
  startedAt: iso(bot.startedAt),
  consecutiveFailures: bot.consecutiveFailures,
  updatedAt: iso(bot.updatedAt),
  traceId: text(bot.traceId),
});

const exitView = (exit: Exit): NonNullable<BotView['lastExit']> => ({
  exitCode: exit.exitCode,
  ...(exit.signal === '' ? {} : { signal: exit.signal }),
  oomKilled: exit.oomKilled,
  upSeconds: (msOf(exit.up) ?? 0) / 1_000,
  containerId: exit.container,
  lastOutput: exit.lastOutput,
  requested: exit.requested,
  at: isoOf(exit.at),
});

/** A roll-out as `rollouts --json` shows it. */
export type RolloutView = {
  id: string;
  state: RolloutState;
  reason: string;
  wish: WishView | null;
  atOnce: number;
  bots: number;
  restarted: number;
  skipped: number;
  current: string[];
  failed: { id: string; reason: string; ranBefore: boolean }[];
  updatedAt: string | null;
  endedAt: string | null;
};

export const rolloutView = (rollout: Rollout): RolloutView => ({
  id: rollout.id,
  state: rolloutStates.words([rollout.state])[0] ?? 'waiting',
  reason: rollout.reason,
  wish: wishView(rollout.wish),
  atOnce: rollout.atOnce,
  bots: rollout.bots,
  restarted: rollout.restarted,
  skipped: rollout.skipped,
  current: rollout.current,
  failed: rollout.failed.map(({ id, reason, ranBefore }) => ({ id, reason, ranBefore })),
  updatedAt: iso(rollout.updatedAt),
  endedAt: iso(rollout.endedAt),
});
