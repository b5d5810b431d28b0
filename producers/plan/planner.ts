import type { Collection } from 'mongodb';
import type { Engine } from '../../infra/engine/port.ts';
import type { HoldDocument, RestartDocument } from '../../infra/mongo/collections.ts';
import type { Logger } from '../../infra/logger.ts';
import { botIdProblem, isEnabled, type BotDocument } from '../../model/bots.ts';
import { fingerprint } from '../../model/fingerprint.ts';
import { botsByPhase, troubledBots } from '../../model/fleet.ts';
import { planTransitions, type BotHistory, type DesiredBot, type Transition } from '../../model/planner.ts';
import type { BotStatus } from '../../model/status.ts';
import type { Urgency } from '../../queues/names.ts';
import type { WishTraces } from '../../infra/mongo/wish-traces.ts';
import type { BotQueues, Enqueue } from '../../queues/queues.ts';
import type { FleetSeen } from './metrics.ts';
import { observeBots } from './observe-bots.ts';
import { traced } from './traced.ts';

export type PlannerDeps = {
  bots: Collection<BotDocument>;
  holds: Collection<HoldDocument>;
  restarts: Collection<RestartDocument>;
  statuses: Collection<BotStatus>;
  engine: Engine;
  /** Throws where the engine that answers is not the installation's own: on another one every bot is missing. */
  sameEngine: () => Promise<void>;
  queues: Pick<BotQueues, 'add'>;
  /** Absent while nothing is traced. */
  traces?: WishTraces | undefined;
  log: Logger;
  now: () => number;
  /** A bot that did not crash for so long has left its crash loop. */
  stableAfterMs: number;
  /** Told what each look at every bot saw. */
  onSeen?: (fleet: FleetSeen) => void;
};

/** What a look at the whole fleet found and cost. */
export type ResyncReport = {
  bots: number;
  containers: number;
  transitions: number;
  /** Of them, those that wait for no back-off. */
  due: number;
  tookMs: number;
};

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
  attemptedRestarts: 1,
  nextAttemptAt: 1,
  containerId: 1,
  consecutiveFailures: 1,
  'lastExit.at': 1,
  'lastExit.requested': 1,
} as const;

/**
 * Documents that come together, and are worked on as they come: a matter of milliseconds, after which a scrape, or a change that
 * has to be planned now, has its turn.
 */
const BATCH = 500;

type SeenStatus = BotHistory & Pick<BotStatus, 'consecutiveFailures' | 'lastExit'>;

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

  /** Plans every bot; throws where the engine is another one. */
  async resync(urgency: Urgency = 'resync'): Promise<ResyncReport> {
    const beganMs = performance.now();
    await this.#deps.sameEngine();
    const { transitions, bots, containers } = await this.#plan(urgency);
    return {
      bots,
      containers,
      transitions: transitions.length,
      due: transitions.filter(({ delayMs }) => delayMs === 0).length,
      tookMs: Math.round(performance.now() - beganMs),
    };
  }

  async #plan(
    urgency: Urgency,
    botIds?: readonly string[],
  ): Promise<{ transitions: Transition[]; bots: number; containers: number }> {
    const { queues, engine, now, traces } = this.#deps;
    const beganMs = Date.now();
    // The engine is looked at after MongoDB: a container that is missing then is missing for a bot we know to be wanted.
    const [desired, history] = await Promise.all([this.#desired(botIds), this.#history(botIds)]);
    const observed = await observeBots(
      engine,
      botIds?.filter((botId) => botIdProblem(botId) === undefined),
    );
    const transitions = planTransitions({ desired, observed, history, now: now() });
    const jobs = transitions.map((transition) => toJob(transition, urgency));
    await traced(traces, jobs, beganMs, (withTraces) => queues.add(withTraces));
    if (botIds === undefined) this.#tell(desired, history);
    return { transitions, bots: desired.length, containers: observed.length };
  }

  #tell(desired: readonly DesiredBot[], history: ReadonlyMap<string, SeenStatus>): void {
    const { now, stableAfterMs, onSeen } = this.#deps;
    onSeen?.({
      phases: botsByPhase(desired, history),
      troubled: troubledBots(history, { now: now(), stableAfterMs }),
    });
  }

  async #desired(botIds?: readonly string[]): Promise<DesiredBot[]> {
    const { bots, holds, restarts } = this.#deps;
    const ofThese = botIds === undefined ? {} : { _id: { $in: [...botIds] } };
    const [wanted, held, asked] = await Promise.all([
      bots
        .find(botIds === undefined ? {} : { id: { $in: [...botIds] } }, {
          projection: BOT_FIELDS,
          batchSize: BATCH,
        })
        .map(wantedOf)
        .toArray(),
      holds.find(ofThese).toArray(),
      restarts.find(ofThese, { batchSize: BATCH }).toArray(),
    ]);
    const reasons = new Map(held.map((hold) => [hold._id, inWords(hold)]));
    const wishes = new Map(asked.map((wish) => [wish._id, { count: wish.count, words: inWords(wish) }]));
    return wanted
      .filter((bot) => bot !== undefined)
      .map((bot) => {
        const hold = reasons.get(bot.botId);
        const restart = wishes.get(bot.botId);
        return {
          ...bot,
          ...(hold === undefined ? {} : { hold }),
          ...(restart === undefined ? {} : { restart }),
        };
      });
  }

  async #history(botIds?: readonly string[]): Promise<Map<string, SeenStatus>> {
    const statuses = await this.#deps.statuses
      .find(botIds === undefined ? {} : { _id: { $in: [...botIds] } }, {
        projection: HISTORY_FIELDS,
        batchSize: BATCH,
      })
      .toArray();
    return new Map(statuses.map((status) => [status._id, status]));
  }
}

function wantedOf(bot: BotDocument): Pick<DesiredBot, 'botId' | 'enabled' | 'fingerprint'> | undefined {
  if (typeof bot.id !== 'string' || bot.id === '' || bot.id.length > 1024) return undefined;
  return { botId: bot.id, enabled: isEnabled(bot), fingerprint: fingerprint(bot) };
}

const inWords = ({ who, why }: { who: string; why: string }): string => `${who}: ${why}`;

function toJob(transition: Transition, urgency: Urgency): Enqueue {
  return {
    queue: transition.kind,
    job: { botId: transition.botId, cause: transition.cause },
    urgency: urgencyOf(transition, urgency),
    delayMs: transition.delayMs,
  };
}

function urgencyOf({ delayMs, urgent }: Transition, urgency: Urgency): Urgency {
  // What waits for its back-off to end is no newer wish: it must not replace the job that waits already.
  if (delayMs > 0) return 'resync';
  // A wish or an exit that only a look at everything finds is as urgent as one that was seen: no delayed job holds it up.
  return urgent && urgency === 'resync' ? 'event' : urgency;
}
