import type { BotStatus } from './status.ts';

/** What MongoDB says of one bot, reduced to what planning needs. */
export type DesiredBot = {
  botId: string;
  /** Its owner's wish (contract §2.5). */
  enabled: boolean;
  /** An operator's hold: who and why, in words. */
  hold?: string;
  fingerprint: string;
};

/** What the engine says of one container of this installation that is a bot's. */
export type ObservedContainer = {
  botId: string;
  containerId: string;
  state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  fingerprint: string;
};

/** What we remember of a bot: part of its status. */
export type BotHistory = Pick<
  BotStatus,
  'phase' | 'permanent' | 'attemptedFingerprint' | 'nextAttemptAt' | 'containerId'
>;

export type TransitionKind = 'start' | 'stop' | 'restart';

/**
 * One thing to do. `delayMs` is how long a start waits for its back-off to end. `contradicted`: a container is there that
 * what we remember does not account for, so that no back-off speaks for this bot.
 */
export type Transition = {
  kind: TransitionKind;
  botId: string;
  cause: string;
  delayMs: number;
  contradicted: boolean;
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
      transitions.push({ kind: 'stop', botId, cause: 'the bot was deleted', delayMs: 0, contradicted: true });
  for (const botId of input.history.keys())
    if (!known.has(botId) && !containers.has(botId))
      transitions.push({
        kind: 'stop',
        botId,
        cause: 'the bot was deleted; its status is cleared',
        delayMs: 0,
        contradicted: false,
      });
  return transitions;
}

function planBot(
  bot: DesiredBot,
  container: ObservedContainer | undefined,
  history: BotHistory | undefined,
  now: number,
): Transition | undefined {
  const plan = (kind: TransitionKind, cause: string, delayMs = 0): Transition => ({
    kind,
    botId: bot.botId,
    cause,
    delayMs,
    contradicted: container !== undefined,
  });

  if (!bot.enabled || bot.hold !== undefined) {
    const cause = bot.enabled ? `the bot is held: ${bot.hold ?? ''}` : 'its owner disabled it';
    if (container !== undefined) return plan('stop', cause);
    const settled = bot.enabled ? 'held' : 'stopped';
    return history?.phase !== settled ? plan('stop', cause) : undefined;
  }

  if (container !== undefined && isUp(container)) {
    if (container.fingerprint !== bot.fingerprint)
      return plan('restart', 'its configuration or code changed');
    const recorded = history?.phase === 'running' && history.containerId === container.containerId;
    return recorded ? undefined : plan('start', 'a running container is adopted');
  }
  if (container?.state === 'removing') return undefined;

  const changed = history?.attemptedFingerprint !== bot.fingerprint;
  if (history?.permanent === true && !changed) return undefined;
  if (container !== undefined && container.state !== 'created') return plan('start', 'its container ended');
  if (container?.state === 'created') return plan('start', 'its container was created and never started');
  if (history === undefined) return plan('start', 'the bot is new');
  if (changed) return plan('start', 'its configuration or code changed');
  const waitMs = history.nextAttemptAt === undefined ? 0 : Math.max(0, history.nextAttemptAt.getTime() - now);
  return plan('start', waitMs > 0 ? 'the back-off runs out' : 'the bot should run and does not', waitMs);
}

const isUp = (container: ObservedContainer): boolean =>
  container.state === 'running' || container.state === 'paused' || container.state === 'restarting';

/** Names are unique, yet a listing may overlap a replacement: the one that runs is the one that counts. */
function livelier(a: ObservedContainer | undefined, b: ObservedContainer): ObservedContainer {
  return a !== undefined && isUp(a) ? a : b;
}
