import type { Collection } from 'mongodb';
import type { BotStateDocument } from '../../infra/mongo/collections.ts';
import { OVER_LIMIT, REFUSED } from '../../infra/mongo/indexed-queries.ts';
import type { Logger } from '../../infra/logger.ts';
import type { Enqueue } from '../../queues/queues.ts';
import type { StateKeeper } from './keeper.ts';
import type { StateLimits } from './limits.ts';
import type { Allowances } from './watch-allowances.ts';
import { suspectedChanges } from './watch-platform.ts';
import { isBot, type StateVolumes } from './watch-volumes.ts';

const CHANGED = 'the platform changed its state';
const DISCARDED = 'its state was deleted by hand';
const ALLOWED = 'more is allowed of a state than when its own was refused';

/** What the watch asks of archives. */
export type WatchedArchives = {
  /** The etag of each bot's present archive: one listing of the bucket. */
  etags(signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** One more look at one archive; what the platform did to it is on record then. */
  examine: StateKeeper['examine'];
};

export type BucketWatchOptions = {
  volumes: StateVolumes;
  states: Collection<BotStateDocument>;
  archives: WatchedArchives;
  allowances: Allowances;
  limits: Pick<StateLimits, 'maxBytes' | 'maxFiles'>;
  queues: { add(items: readonly Enqueue[]): Promise<void> };
  now: () => Date;
  log: Logger;
};

/**
 * Finds out what was done to archives of bots that run, and has these started anew with it; what rests gets its state at its
 * next start. Bots that were stopped for their state are started once that is within the limit, and those whose archive no
 * start could take once that is another.
 */
export class BucketWatch {
  readonly #options: BucketWatchOptions;

  constructor(options: BucketWatchOptions) {
    this.#options = options;
  }

  async look(signal: AbortSignal): Promise<void> {
    const { volumes, states, archives, log } = this.#options;
    const [running, over, refused] = await Promise.all([
      volumes.running(signal),
      states.find(OVER_LIMIT).toArray(),
      states.find(REFUSED).toArray(),
    ]);
    const up = new Set([...running].filter(([, containers]) => containers.some(isBot)).map(([id]) => id));
    const stopped = over.map(({ _id }) => _id).filter((id) => !running.has(id));
    const waiting = refused.filter(({ _id }) => !running.has(_id));
    if (up.size + stopped.length + waiting.length === 0) return;

    const listed = await archives.etags(signal);
    const known = await volumes.known([...up, ...stopped]);
    const { suspected, lost } = suspectedChanges(known, listed);
    if (lost > 0)
      log.error(
        { archives: lost },
        'Most archives of state have gone from the bucket at once, which is not taken for their owners’ doing: look at S3_STATE_BUCKET',
      );
    const changed = new Set<string>();
    for (const id of suspected) if ((await archives.examine(id, signal)).kind === 'platform') changed.add(id);
    for (const id of changed) log.info({ botId: id, runs: up.has(id) }, 'The platform changed a state');
    // Again for those that are on record already: a job may be lost, and a process may have died before it asked for one.
    const wishes = new Map([...changed].map((id) => [id, CHANGED]));
    for (const { _id: id, platformEtag, discard } of known)
      if (discard !== undefined) wishes.set(id, DISCARDED);
      else if (platformEtag !== undefined) wishes.set(id, CHANGED);
    await this.#restart(new Map([...wishes].filter(([id]) => up.has(id))));
    await this.#tryAgain(stopped, wishes, signal);
    await this.#tryOthers(waiting, listed);
  }

  async #restart(causes: ReadonlyMap<string, string>): Promise<void> {
    if (causes.size === 0) return;
    await this.#options.queues.add(
      [...causes].map(([botId, cause]) => ({ queue: 'restart', job: { botId, cause }, urgency: 'event' })),
    );
  }

  /** Schedules are not started: their next run measures for itself. */
  async #tryAgain(
    stopped: readonly string[],
    wishes: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { volumes, allowances, states, queues, now } = this.#options;
    if (stopped.length === 0) return;
    const listings = await volumes.list(stopped, signal);
    const problems = await allowances.problems(listings);
    const bots = await volumes.bots(stopped);
    for (const id of stopped) {
      const isRead = listings.has(id) && listings.get(id)?.unread !== true;
      const isWithin = isRead && !problems.has(id);
      const wish = wishes.get(id);
      if (!isWithin && wish === undefined) continue;
      const cause = wish ?? 'its state is within its limit again';
      if (bots.has(id)) await queues.add([{ queue: 'start', job: { botId: id, cause }, urgency: 'event' }]);
      // Last: who dies before has it done again.
      await states.updateOne({ _id: id }, { $unset: { overLimit: '' }, $set: { updatedAt: now() } });
    }
  }

  /** Of what no start could take, asks for another start where that has changed. A start that fares no better says so anew. */
  async #tryOthers(waiting: readonly BotStateDocument[], listed: ReadonlyMap<string, string>): Promise<void> {
    const { volumes, limits, states, queues, now } = this.#options;
    const causes = new Map<string, string>();
    for (const state of waiting) {
      const cause = whyAgain(state, listed.get(state._id), limits);
      if (cause !== undefined) causes.set(state._id, cause);
    }
    if (causes.size === 0) return;
    const bots = await volumes.bots([...causes.keys()]);
    for (const { _id: id, refused } of waiting) {
      const cause = causes.get(id);
      if (cause === undefined || refused === undefined) continue;
      if (bots.has(id)) await queues.add([{ queue: 'start', job: { botId: id, cause }, urgency: 'event' }]);
      await states.updateOne(
        { _id: id, 'refused.at': refused.at },
        { $unset: { refused: '' }, $set: { updatedAt: now() } },
      );
    }
  }
}

/** Why a start might take what the last one refused; undefined: it would not. */
function whyAgain(
  { refused, discard }: Pick<BotStateDocument, 'refused' | 'discard'>,
  etag: string | undefined,
  limits: Pick<StateLimits, 'maxBytes' | 'maxFiles'>,
): string | undefined {
  if (refused === undefined) return undefined;
  if (discard !== undefined) return DISCARDED;
  if (etag !== refused.etag) return CHANGED;
  return limits.maxBytes > refused.maxBytes || limits.maxFiles > refused.maxFiles ? ALLOWED : undefined;
}
