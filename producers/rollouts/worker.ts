import type { Collection } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import { wishRestart } from '../../infra/mongo/restart-wish.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import { isEnabled, type BotDocument } from '../../model/bots.ts';
import { stepRollout, type Rollout, type RolloutFacts, type RolloutPolicy } from '../../model/rollout.ts';
import type { BotStatus } from '../../model/status.ts';

const POLICY: RolloutPolicy = { steadyMs: 3_000, patienceMs: 600_000 };
/** How soon one that has just been asked for begins, and how often one that goes on is looked at. */
const IDLE_MS = 1_000;
const AT_WORK_MS = 500;
/** Beyond those whose turn comes next, as many are looked at, since some of them are passed over. */
const LOOK_AHEAD = 100;

export type RolloutDeps = {
  collections: Pick<Collections, 'bots' | 'holds' | 'restarts' | 'rollouts' | 'status'>;
  log: Logger;
  /** By MongoDB's clock, which the statuses' times are compared with. */
  now: () => Date;
  policy?: Partial<RolloutPolicy>;
};

type Facts = Pick<BotStatus, '_id' | 'phase' | 'reason' | 'startedAt' | 'attemptedRestarts'>;

/**
 * Works off the roll-outs, the oldest first, one after the other, so that `atOnce` holds for all of them together. Where it
 * stands is on record at each step, before anything is done: whoever holds the lease next goes on from there.
 */
export class RolloutWorker {
  readonly #deps: RolloutDeps;
  readonly #policy: RolloutPolicy;
  readonly #outage: OutageLog;
  /** Wishes that this process has put on record; another does it again, which changes nothing. */
  readonly #wished = new Set<string>();

  constructor(deps: RolloutDeps) {
    this.#deps = deps;
    this.#policy = { ...POLICY, ...deps.policy };
    this.#outage = new OutageLog(deps.log, 'What roll-outs need');
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let atWork = false;
      try {
        atWork = await this.#step();
        this.#outage.recovered();
      } catch (error) {
        this.#outage.failed(error);
      }
      await pause(atWork ? AT_WORK_MS : IDLE_MS, signal);
    }
  }

  /** Whether there is a roll-out to go on with. */
  async #step(): Promise<boolean> {
    const { rollouts } = this.#deps.collections;
    const rollout = await rollouts.find({ open: true }).sort({ at: 1 }).limit(1).next();
    if (rollout === null) {
      this.#wished.clear();
      return false;
    }
    // A processor may have died, or we before it, between the record and the wish.
    for (const { botId } of rollout.current) await this.#wish(rollout, botId);
    const facts = await this.#facts([
      ...rollout.current.map(({ botId }) => botId),
      ...rollout.bots.slice(rollout.next, rollout.next + rollout.atOnce + LOOK_AHEAD),
    ]);
    const step = stepRollout(rollout, (botId) => facts.get(botId), this.#deps.now(), this.#policy);
    if (!(await saved(rollouts, rollout, step.rollout))) return true;
    for (const { botId } of step.begin) await this.#wish(rollout, botId);
    if (step.rollout.open !== true)
      this.#deps.log.info({ rollout: rollout._id, state: step.rollout.state }, step.rollout.reason);
    return true;
  }

  async #wish({ _id, who, why }: Rollout, botId: string): Promise<void> {
    const key = `${_id} ${botId}`;
    if (this.#wished.has(key)) return;
    await wishRestart(this.#deps.collections.restarts, botId, { who, why, rollout: _id });
    this.#wished.add(key);
  }

  async #facts(botIds: readonly string[]): Promise<Map<string, RolloutFacts>> {
    const { bots, holds, restarts, status } = this.#deps.collections;
    const some = { _id: { $in: [...botIds] } };
    const [documents, held, wishes, statuses] = await Promise.all([
      bots
        .find({ id: { $in: [...botIds] } })
        .project<BotDocument>({ _id: 0, id: 1, enabled: 1, 'config.enabled': 1 })
        .toArray(),
      holds.find(some, { projection: { _id: 1 } }).toArray(),
      restarts.find(some, { projection: { count: 1 } }).toArray(),
      status.find(some).project<Facts>({ phase: 1, reason: 1, startedAt: 1, attemptedRestarts: 1 }).toArray(),
    ]);
    const resting = new Set(held.map(({ _id }) => _id));
    const wanted = new Set(
      documents.filter((bot) => isEnabled(bot) && !resting.has(bot.id)).map(({ id }) => id),
    );
    const wishOf = new Map(wishes.map(({ _id, count }) => [_id, count]));
    const statusOf = new Map(statuses.map((one) => [one._id, one]));
    return new Map(
      botIds.map((botId) => {
        const { attemptedRestarts = 0, phase, reason, startedAt } = statusOf.get(botId) ?? {};
        return [
          botId,
          {
            wanted: wanted.has(botId),
            wish: wishOf.get(botId) ?? 0,
            attemptedRestarts,
            ...(phase === undefined ? {} : { phase }),
            ...(reason === undefined ? {} : { reason }),
            ...(startedAt === undefined ? {} : { startedAt }),
          },
        ];
      }),
    );
  }
}

/** Writes how it stands; false where somebody else has meanwhile, who holds the lease now, or wants it to stop. */
async function saved(rollouts: Collection<Rollout>, before: Rollout, after: Rollout): Promise<boolean> {
  const { next, current, restarted, skipped, failed, state, reason, updatedAt, open, endedAt } = after;
  const unchanged =
    open === true &&
    before.state === state &&
    before.next === next &&
    before.current.length === current.length &&
    before.reason === reason;
  if (unchanged) return true;
  const { matchedCount } = await rollouts.updateOne(
    { _id: before._id, revision: before.revision },
    {
      $set: {
        next,
        current,
        restarted,
        skipped,
        failed,
        state,
        reason,
        updatedAt,
        revision: before.revision + 1,
        ...(endedAt === undefined ? {} : { endedAt }),
      },
      ...(open === true ? {} : { $unset: { open: true as const } }),
    },
  );
  return matchedCount === 1;
}
