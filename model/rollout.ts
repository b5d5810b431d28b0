import type { Phase } from './status.ts';

/** A restart of many bots, some at a time: kept in `<runtime database>.rollouts`, worked off by whoever plans. */

export const ROLLOUT_STATES = ['waiting', 'running', 'done', 'stopped'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** A bot whose turn it is. `ran`: it was running when its turn came. */
export type RolloutBot = { botId: string; since: Date; ran: boolean };

/** A bot that does not run since its restart. */
export type RolloutFailure = { botId: string; reason: string; ran: boolean };

export type Rollout = {
  _id: string;
  who: string;
  why: string;
  at: Date;
  atOnce: number;
  /** All that are to be restarted, in order. */
  bots: string[];
  /** How many of them have had their turn. */
  next: number;
  current: RolloutBot[];
  restarted: number;
  /** Disabled, held or deleted when their turn came. */
  skipped: number;
  failed: RolloutFailure[];
  state: RolloutState;
  reason: string;
  /** Whether it is not over; absent once it is, so that an index holds the open ones alone. */
  open?: true;
  /** Somebody wants no more of it. */
  stop?: { who: string; why: string; at: Date };
  /** Rises with each write of whoever works it off, so that one who has lost the lease writes nothing any more. */
  revision: number;
  updatedAt: Date;
  endedAt?: Date;
};

/** How a bot stands, as far as a roll-out has to know. */
export type RolloutFacts = {
  /** Its owner has it enabled, and nobody holds it. */
  wanted: boolean;
  phase?: Phase;
  reason?: string;
  startedAt?: Date;
  /** Number of the wish for a restart that its last attempt was made under. */
  attemptedRestarts: number;
  /** Number of the newest wish. */
  wish: number;
};

export type RolloutPolicy = {
  /** Up for so long, a bot counts as running again: one that crashes at once must not pass for restarted. */
  steadyMs: number;
  /** A bot that is not dealt with by then has failed. */
  patienceMs: number;
};

/** What a look at a roll-out comes to. `begin`: bots whose turn it is now. */
export type RolloutStep = { rollout: Rollout; begin: RolloutBot[] };

/** As many failures as are worth keeping. */
const MOST_FAILURES = 100;

/**
 * Looks at those that are being restarted, and gives the next their turn. `factsOf`: undefined for one that was not looked
 * at, which is left to the next step.
 */
export function stepRollout(
  rollout: Rollout,
  factsOf: (botId: string) => RolloutFacts | undefined,
  now: Date,
  policy: RolloutPolicy,
): RolloutStep {
  const then: Rollout = { ...rollout, current: [], failed: [...rollout.failed], updatedAt: now };
  for (const bot of rollout.current) {
    const verdict = judge(bot, factsOf(bot.botId), now, policy);
    if (verdict.kind === 'waiting') then.current.push(bot);
    else if (verdict.kind === 'restarted') then.restarted += 1;
    else if (verdict.kind === 'skipped') then.skipped += 1;
    else if (then.failed.length < MOST_FAILURES)
      then.failed.push({ botId: bot.botId, reason: verdict.reason, ran: bot.ran });
  }
  const halt = haltOf(then);
  const begin: RolloutBot[] = [];
  while (halt === undefined && then.next < then.bots.length && then.current.length < then.atOnce) {
    const botId = then.bots[then.next] ?? '';
    const facts = factsOf(botId);
    if (facts === undefined) break;
    then.next += 1;
    if (!facts.wanted) {
      then.skipped += 1;
      continue;
    }
    const bot = { botId, since: now, ran: facts.phase === 'running' };
    then.current.push(bot);
    begin.push(bot);
  }
  return { rollout: told(then, halt, now), begin };
}

type Verdict =
  { kind: 'waiting' } | { kind: 'restarted' } | { kind: 'skipped' } | { kind: 'failed'; reason: string };

function judge(
  { since }: RolloutBot,
  facts: RolloutFacts | undefined,
  now: Date,
  { steadyMs, patienceMs }: RolloutPolicy,
): Verdict {
  if (facts === undefined) return { kind: 'waiting' };
  if (!facts.wanted) return { kind: 'skipped' };
  const tried = facts.wish > 0 && facts.attemptedRestarts >= facts.wish;
  if (tried && facts.phase === 'running') {
    if (now.getTime() - (facts.startedAt ?? now).getTime() >= steadyMs) return { kind: 'restarted' };
  } else if (tried && isTrouble(facts.phase)) {
    return { kind: 'failed', reason: `${facts.phase}: ${facts.reason ?? ''}` };
  }
  if (now.getTime() - since.getTime() <= patienceMs) return { kind: 'waiting' };
  const minutes = Math.round(patienceMs / 60_000);
  return {
    kind: 'failed',
    reason: tried
      ? `It does not run ${minutes} min after its turn came (${facts.phase ?? 'no status'}: ${facts.reason ?? ''})`
      : `Nothing restarted it within ${minutes} min: is a processor running?`,
  };
}

const isTrouble = (phase: Phase | undefined): phase is Phase =>
  phase === 'failed' || phase === 'backing-off' || phase === 'state-unavailable';

/** Why no more bots are to be restarted. */
function haltOf({ stop, failed }: Rollout): string | undefined {
  if (stop !== undefined) return `Stopped by ${stop.who}: ${stop.why}`;
  const first = failed.find(({ ran }) => ran);
  if (first === undefined) return undefined;
  return `Stopped, because ${first.botId} ran before its restart and does not since (${first.reason})`;
}

function told(rollout: Rollout, halt: string | undefined, now: Date): Rollout {
  const { current, next, bots, restarted, skipped, failed } = rollout;
  const sums = [
    `${restarted} of ${bots.length} restarted`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(failed.length > 0 ? [`${failed.length} do not run`] : []),
  ].join(', ');
  const over = current.length === 0 && (halt !== undefined || next >= bots.length);
  if (!over)
    return {
      ...rollout,
      state: 'running',
      reason: halt === undefined ? `${sums}.` : `${halt}. ${sums}; ${current.length} still at it.`,
    };
  const { open: _over, ...ended } = rollout;
  return {
    ...ended,
    state: halt === undefined ? 'done' : 'stopped',
    reason: halt === undefined ? `${sums}.` : `${halt}. ${sums}.`,
    endedAt: now,
  };
}
