import type { Collections, HoldDocument } from '../../../infra/mongo/collections.ts';
import { wishRestart } from '../../../infra/mongo/restart-wish.ts';
import { isEnabled, type BotDocument } from '../../../model/bots.ts';
import type { BotStatus, Phase } from '../../../model/status.ts';
import { checkReason, type Asker } from '../arguments.ts';
import { FailedPrecondition, NotFound } from '../errors.ts';

/** What an operator may want of a bot: each is a document of ours, never a write to the owner's. */
export type WishDeps = {
  collections: Pick<Collections, 'bots' | 'schedules' | 'status' | 'holds' | 'restarts'>;
  /** The installation's time. */
  now: () => Date;
};

export type WishRequest = Asker & { botId: string };

/** `changed`: false where there was nothing to do. `outcome`: what it leads to, in words. */
export type WishOutcome = { changed: boolean; outcome: string };

/** Phases that a person may end by having it tried again. */
const STUCK: ReadonlySet<Phase> = new Set(['failed', 'backing-off', 'state-unavailable']);

/**
 * Lifts the hold, and has a bot that failed or waits tried at once. The owner's wish still counts.
 * @throws NotFound, FailedPrecondition, InvalidRequest
 */
export async function startBot(deps: WishDeps, request: WishRequest): Promise<WishOutcome> {
  const asker = checkReason(request);
  const { enabled, phase } = await find(deps, request.botId);
  const stuck = enabled && phase !== undefined && STUCK.has(phase);
  // The wish first: what starts once the hold is lifted starts under it, and is not restarted for it.
  if (stuck) await wishRestart(deps.collections.restarts, request.botId, asker);
  const hold = await lift(deps, request.botId);
  const lifted = hold === undefined ? '' : `The hold of ${inWords(hold)} is lifted. `;
  return {
    changed: stuck || hold !== undefined,
    outcome: lifted + whatStarts({ enabled, phase, stuck, hold }),
  };
}

/**
 * Holds a bot: it stops in order and stays stopped, whatever its owner wants, until it is released or started. The first hold
 * stays as it is, with its who and why.
 * @throws NotFound, FailedPrecondition, InvalidRequest
 */
export async function holdBot(deps: WishDeps, request: WishRequest): Promise<WishOutcome> {
  const asker = checkReason(request);
  const { enabled, phase } = await find(deps, request.botId);
  const { holds } = deps.collections;
  const { upsertedCount } = await holds.updateOne(
    { _id: request.botId },
    { $setOnInsert: { ...asker, at: deps.now() } },
    { upsert: true },
  );
  if (upsertedCount === 0) {
    const first = await holds.findOne({ _id: request.botId });
    const by = first === null ? 'somebody' : inWords(first);
    return { changed: false, outcome: `It is held already, by ${by}; that hold stays.` };
  }
  if (!enabled) return { changed: true, outcome: 'It is held; its owner has disabled it besides.' };
  const runs = phase === 'running' || phase === 'starting';
  return { changed: true, outcome: runs ? 'It is held, and stops in order.' : 'It is held; it did not run.' };
}

/**
 * Lifts the hold, and nothing else: a bot that failed for good before is tried by `startBot`.
 * @throws NotFound, FailedPrecondition, InvalidRequest
 */
export async function releaseBot(deps: WishDeps, request: WishRequest): Promise<WishOutcome> {
  checkReason(request);
  const { enabled } = await find(deps, request.botId);
  const hold = await lift(deps, request.botId);
  if (hold === undefined) return { changed: false, outcome: 'Nobody holds it.' };
  const then = enabled ? 'It starts now.' : DISABLED;
  return { changed: true, outcome: `The hold of ${inWords(hold)} is lifted. ${then}` };
}

/**
 * Has a bot stopped in order and started anew, once, whatever its fingerprint says; one that failed or waits is tried at once.
 * @throws NotFound, FailedPrecondition, InvalidRequest
 */
export async function restartBot(deps: WishDeps, request: WishRequest): Promise<WishOutcome> {
  const asker = checkReason(request);
  const { enabled, phase } = await find(deps, request.botId);
  if (!enabled) return { changed: false, outcome: `There is nothing to restart. ${DISABLED}` };
  const hold = await deps.collections.holds.findOne({ _id: request.botId });
  if (hold !== null)
    return {
      changed: false,
      outcome: `There is nothing to restart: it is held by ${inWords(hold)}. Start it to lift the hold.`,
    };
  await wishRestart(deps.collections.restarts, request.botId, asker);
  const stuck = phase !== undefined && STUCK.has(phase);
  return {
    changed: true,
    outcome: stuck ? `It was ${phase}, and is tried again now.` : 'It is stopped in order and started anew.',
  };
}

const DISABLED = 'It stays stopped, since its owner has disabled it, which only its owner can undo.';

function whatStarts(facts: {
  enabled: boolean;
  phase: Phase | undefined;
  stuck: boolean;
  hold: HoldDocument | undefined;
}): string {
  const { enabled, phase, stuck, hold } = facts;
  if (!enabled) return DISABLED;
  if (stuck) return `It was ${phase}, and is tried again now.`;
  if (phase === 'running') return 'It runs.';
  if (phase === 'starting') return 'It is being started.';
  return hold === undefined ? 'It is to be started as it is; nothing holds it back.' : 'It starts now.';
}

async function find(
  { collections }: WishDeps,
  botId: string,
): Promise<{ enabled: boolean; phase: Phase | undefined }> {
  const [bot, status] = await Promise.all([
    collections.bots.findOne<BotDocument>(
      { id: botId },
      { projection: { _id: 0, id: 1, enabled: 1, 'config.enabled': 1 } },
    ),
    collections.status.findOne<Pick<BotStatus, 'phase'>>({ _id: botId }, { projection: { phase: 1 } }),
  ]);
  if (bot !== null) return { enabled: isEnabled(bot), phase: status?.phase };
  const schedule = await collections.schedules.findOne({ id: botId }, { projection: { _id: 1 } });
  if (schedule === null) throw new NotFound('bot', botId);
  throw new FailedPrecondition(
    'is_schedule',
    'botId',
    `${JSON.stringify(botId)} is a schedule, which runs by its times`,
    'pause or resume it, run it now, or cancel a run of it',
  );
}

async function lift({ collections }: WishDeps, botId: string): Promise<HoldDocument | undefined> {
  return (await collections.holds.findOneAndDelete({ _id: botId })) ?? undefined;
}

const inWords = ({ who, why }: { who: string; why: string }): string => `${who} (${why})`;
