import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { HoldDocument } from '../../infra/mongo/collections.ts';
import type { Logger } from '../../infra/logger.ts';
import { botIdProblem, isEnabled, type BotDocument } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { planTransitions, type BotHistory, type DesiredBot, type Transition } from '../../model/planner.ts';
import type { BotStatus } from '../../model/status.ts';
import type { Urgency } from '../../queues/names.ts';
import type { BotQueues, Enqueue } from '../../queues/queues.ts';
import { observeBots } from './observe-bots.ts';

export type PlannerDeps = {
  bots: Collection<BotDocument>;
  holds: Collection<HoldDocument>;
  statuses: Collection<BotStatus>;
  engine: Engine;
  queues: Pick<BotQueues, 'add'>;
  log: Logger;
  now: () => number;
};

/** What a look at the whole fleet found and cost. */
export type ResyncReport = { bots: number; containers: number; transitions: number; tookMs: number };

/** Fields that planning reads; readmes and schemas may be many kilobytes and decide nothing. */
const BOT_FIELDS = {
  _id: 0,
  id: 1,
  enabled: 1,
  config: 1,
  'custom.filePath': 1,
  'custom.config.entrypoints': 1,
  'custom.config.runtime': 1,
} as const;
const HISTORY_FIELDS = {
  phase: 1,
  permanent: 1,
  attemptedFingerprint: 1,
  nextAttemptAt: 1,
  containerId: 1,
} as const;

/** Compares desired and observed state and puts what is missing on the queues. Holds no state of its own. */
export class Planner {
  readonly #deps: PlannerDeps;
  constructor(deps: PlannerDeps) {
    this.#deps = deps;
  }

  /** Plans some bots because something about them changed. Resolves once their jobs are in Redis. */
  async plan(botIds: readonly string[], urgency: Urgency): Promise<Transition[]> {
    const { transitions } = await this.#plan(urgency, botIds);
    return transitions;
  }

  /** Plans every bot. */
  async resync(urgency: Urgency = 'resync'): Promise<ResyncReport> {
    const beganMs = performance.now();
    const { transitions, bots, containers } = await this.#plan(urgency);
    return {
      bots,
      containers,
      transitions: transitions.length,
      tookMs: Math.round(performance.now() - beganMs),
    };
  }

  async #plan(
    urgency: Urgency,
    botIds?: readonly string[],
  ): Promise<{ transitions: Transition[]; bots: number; containers: number }> {
    const { queues, engine, now } = this.#deps;
    // The engine is looked at after MongoDB: a container that is missing then is missing for a bot we know to be wanted.
    const [desired, history] = await Promise.all([this.#desired(botIds), this.#history(botIds)]);
    const observed = await observeBots(
      engine,
      botIds?.filter((botId) => botIdProblem(botId) === undefined),
    );
    const transitions = planTransitions({ desired, observed, history, now: now() });
    await queues.add(transitions.map((transition) => toJob(transition, urgency)));
    return { transitions, bots: desired.length, containers: observed.length };
  }

  async #desired(botIds?: readonly string[]): Promise<DesiredBot[]> {
    const { bots, holds } = this.#deps;
    const [documents, held] = await Promise.all([
      bots
        .find(botIds === undefined ? {} : { id: { $in: [...botIds] } }, {
          projection: BOT_FIELDS,
          batchSize: 5_000,
        })
        .toArray(),
      holds.find(botIds === undefined ? {} : { _id: { $in: [...botIds] } }).toArray(),
    ]);
    const reasons = new Map(held.map((hold) => [hold._id, `${hold.who}: ${hold.why}`]));
    return documents
      .filter((bot) => typeof bot.id === 'string' && bot.id !== '' && bot.id.length <= 1024)
      .map((bot) => {
        const hold = reasons.get(bot.id);
        return {
          botId: bot.id,
          enabled: isEnabled(bot),
          fingerprint: fingerprint(bot),
          ...(hold === undefined ? {} : { hold }),
        };
      });
  }

  async #history(botIds?: readonly string[]): Promise<Map<string, BotHistory>> {
    const statuses = await this.#deps.statuses
      .find(botIds === undefined ? {} : { _id: { $in: [...botIds] } }, {
        projection: HISTORY_FIELDS,
        batchSize: 5_000,
      })
      .toArray();
    return new Map(statuses.map((status) => [status._id, status]));
  }
}

function toJob(transition: Transition, urgency: Urgency): Enqueue {
  return {
    queue: transition.kind,
    job: { botId: transition.botId, cause: transition.cause },
    urgency: urgencyOf(transition, urgency),
    delayMs: transition.delayMs,
  };
}

function urgencyOf({ delayMs, contradicted }: Transition, urgency: Urgency): Urgency {
  // What waits for its back-off to end is no newer wish: it must not replace the job that waits already.
  if (delayMs > 0) return 'resync';
  // An exit that nobody saw is as urgent as one that was seen: no delayed job may hold it up.
  return contradicted && urgency === 'resync' ? 'event' : urgency;
}
