import type { BotStatus } from './status.ts';

/** What MongoDB says of one bot, reduced to what planning needs. */
export type DesiredBot = {
  botId: string;
  /** Its owner's wish (contract §2.5). */
  enabled: boolean;
  /** An operator's hold: who and why, in words. */
  hold?: string;
  /** The newest wish of an operator that it be restarted, or tried again: its number, and who and why in words. */
  restart?: { count: number; words: string };
  fingerprint: string;
};

/** What the engine says of one container of this installation that is a bot's. */
export type ObservedContainer = {
  botId: string;
  containerId: string;
  state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  fingerprint: string;
  /** Number of the wish for a restart that it was made under; 0: none. */
  restarts: number;
};

/** What we remember of a bot: part of its status. */
export type BotHistory = Pick<
  BotStatus,
  'phase' | 'permanent' | 'attemptedFingerprint' | 'attemptedRestarts' | 'nextAttemptAt' | 'containerId'
>;

export type TransitionKind = 'start' | 'stop' | 'restart';

/**
 * One thing to do. `delayMs` is how long a start waits for its back-off to end. `urgent`: whatever job of this bot waits for
 * its time, it was made for another state of things (another wish, another config, a container that has ended since) and may
 * not hold this up. So it does not matter who notices, and how: a change stream, or a look at everything.
 */
export type Transition = {
  kind: TransitionKind;
  botId: string;
  cause: string;
  delayMs: number;
  urgent: boolean;
};

export type PlanInput = {
  desired: readonly DesiredBot[];
  observed: readonly ObservedContainer[];
  history: ReadonlyMap<string, BotHistory>;
  /** Epoch milliseconds. */
  now: number;
};

/**
 * Compares what should be with what is. Every bot that is not as it should be gets one transition with its cause in
 * words; a bot that is as it should be gets none. Pure, so that any state and any order of events can be tried.
 */
export function planTransitions(input: PlanInput): Transition[] {
  const transitions: Transition[] = [];
  const containers = new Map<string, ObservedContainer>();
  for (const container of input.observed)
    containers.set(container.botId, livelier(containers.get(container.botId), container));

  const known = new Set<string>();
  for (const bot of input.desired) {
    known.add(bot.botId);
    const transition = planBot(bot, containers.get(bot.botId), input.history.get(bot.botId), input.now);
    if (transition !== undefined) transitions.push(transition);
  }
  for (const botId of containers.keys())
    if (!known.has(botId))
      transitions.push({ kind: 'stop', botId, cause: 'the bot was deleted', delayMs: 0, urgent: true });
  for (const botId of input.history.keys())
    if (!known.has(botId) && !containers.has(botId))
      transitions.push({
        kind: 'stop',
        botId,
        cause: 'the bot was deleted; its status is cleared',
        delayMs: 0,
        urgent: false,
      });
  return transitions;
}

function planBot(
  bot: DesiredBot,
  container: ObservedContainer | undefined,
  history: BotHistory | undefined,
  now: number,
): Transition | undefined {
  const plan = (kind: TransitionKind, cause: string): Transition => ({
    kind,
    botId: bot.botId,
    cause,
    delayMs: 0,
    urgent: true,
  });

  if (!bot.enabled || bot.hold !== undefined) {
    const cause = bot.enabled ? `the bot is held: ${bot.hold ?? ''}` : 'its owner disabled it';
    if (container !== undefined) return plan('stop', cause);
    // Only starts are ever delayed, so nothing can hold this up.
    const settled = bot.enabled ? 'held' : 'stopped';
    return history?.phase !== settled ? { ...plan('stop', cause), urgent: false } : undefined;
  }

  if (container !== undefined && isUp(container)) {
    if (container.fingerprint !== bot.fingerprint)
      return plan('restart', 'its configuration or code changed');
    if (isNewer(bot, container.restarts)) return plan('restart', restartCause(bot));
    const recorded = history?.phase === 'running' && history.containerId === container.containerId;
    return recorded ? undefined : plan('start', 'a running container is adopted');
  }
  if (container?.state === 'removing') return undefined;
  if (container?.state === 'created') return plan('start', 'its container was created and never started');
  if (container !== undefined) return plan('start', 'its container ended');
  return planStart(bot, history, now, plan);
}

/** A bot that should run and has no container. */
function planStart(
  bot: DesiredBot,
  history: BotHistory | undefined,
  now: number,
  plan: (kind: TransitionKind, cause: string) => Transition,
): Transition | undefined {
  if (history === undefined || history.phase === 'pending') return plan('start', 'the bot is new');
  // What rested has no attempt on record, whatever its document said then.
  if (history.phase === 'stopped') return plan('start', 'its owner enabled it');
  if (history.phase === 'held') return plan('start', 'its hold was lifted');
  if (history.attemptedFingerprint === undefined) return plan('start', SHOULD_RUN);
  if (history.attemptedFingerprint !== bot.fingerprint)
    return plan('start', 'its configuration or code changed');
  if (isNewer(bot, history.attemptedRestarts ?? 0)) return plan('start', restartCause(bot));
  if (history.permanent === true) return undefined;
  const delayMs =
    history.nextAttemptAt === undefined ? 0 : Math.max(0, history.nextAttemptAt.getTime() - now);
  const cause = delayMs > 0 ? 'the back-off runs out' : SHOULD_RUN;
  // The job that waits for the end of the back-off may be there, and is as good as this one.
  return { ...plan('start', cause), delayMs, urgent: false };
}

const SHOULD_RUN = 'the bot should run and does not';

const isNewer = (bot: DesiredBot, count: number): boolean => (bot.restart?.count ?? 0) > count;

const restartCause = (bot: DesiredBot): string => `a restart was asked for: ${bot.restart?.words ?? ''}`;

const isUp = (container: ObservedContainer): boolean =>
  container.state === 'running' || container.state === 'paused' || container.state === 'restarting';

/** Names are unique, yet a listing may overlap a replacement: the one that runs is the one that counts. */
function livelier(a: ObservedContainer | undefined, b: ObservedContainer): ObservedContainer {
  return a !== undefined && isUp(a) ? a : b;
}
