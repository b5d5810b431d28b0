import type { Collections } from '../../infra/mongo/collections.ts';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import { pause } from '../../infra/pause.ts';
import {
  conditionKey,
  problemOf,
  sortOut,
  toBeWorded,
  type Fresh,
  type NewProblem,
  type Telling,
} from '../../model/notifications.ts';
import {
  beginEpisode,
  endEpisode,
  fillOutbox,
  noteGone,
  openEpisodes,
  type OpenEpisode,
} from './episodes.ts';
import type { Look } from './look.ts';
import type { Receiver } from './receiver.ts';

/** What was looked through up to then: ticks that are found to be missed while nobody looks are told all the same. */
const LOOKED_THROUGH = 'notifications-looked-through';
const EVERY_MS = 5_000;

export type WatcherDeps = {
  collections: Pick<Collections, 'notifications' | 'notificationOutbox' | 'installation'>;
  look: (now: Date, missedSince: Date) => Promise<Look>;
  receivers: readonly Receiver[];
  /** What was not seen for so long is over. */
  windowMs: number;
  retryForMs: number;
  telling: Pick<Telling, 'installation' | 'dashboardUrl'>;
  /** The installation's time. */
  now: () => Date;
  newId: () => string;
  log: Logger;
  onLook?: (open: number) => Promise<void>;
  /** After each look of `run`, whatever came of it. */
  onRound?: () => void;
};

/**
 * Looks at what is on record again and again, and puts into the outbox what is new and what is over. All that it knows is in
 * MongoDB: whoever looks next goes on from there, tells nothing twice and forgets nothing.
 */
export class Watcher {
  readonly #deps: WatcherDeps;
  readonly #outage: OutageLog;
  readonly #recordOutage: OutageLog;

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
    this.#recordOutage = new OutageLog(deps.log, 'The record of new problems');
    this.#outage = new OutageLog(deps.log, 'What notifications are made of');
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.look();
        this.#outage.recovered();
      } catch (error) {
        this.#outage.failed(error);
      }
      this.#deps.onRound?.();
      await pause(EVERY_MS, signal);
    }
  }

  /** One look. Each step may be the last of this process. */
  async look(): Promise<void> {
    const { collections, receivers, retryForMs, now, onLook } = this.#deps;
    await fillOutbox(collections, receivers, retryForMs);
    const at = now();
    const [open, missedSince] = await Promise.all([openEpisodes(collections), this.#missedSince(at)]);
    const { seen, unknown, describe } = await this.#deps.look(at, missedSince);
    const told = open.map(({ _id: key, members }) => ({
      key,
      ...(members === undefined ? {} : { members }),
    }));
    const { fresh, lasting } = sortOut(seen, told, at);
    const begun = await this.#beginAll(await worded(fresh, describe), at);
    for (const episode of open)
      if (!unknown.has(episode._id)) await this.#follow(episode, lasting.has(episode._id), at);
    await collections.installation.updateOne(
      { _id: LOOKED_THROUGH },
      { $set: { value: at.toISOString(), at } },
      { upsert: true },
    );
    await fillOutbox(collections, receivers, retryForMs);
    await onLook?.(open.length + begun);
  }

  /** One that cannot be put on record keeps no other from it, and is new again at the next look. Returns how many could. */
  async #beginAll(problems: readonly NewProblem[], at: Date): Promise<number> {
    const results = await Promise.allSettled(problems.map((problem) => this.#begin(problem, at)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) this.#recordOutage.recovered();
    else this.#recordOutage.failed(failed.reason);
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  async #begin(problem: NewProblem, at: Date): Promise<void> {
    const { collections, telling, newId, log } = this.#deps;
    await beginEpisode(collections, problem, { episode: newId(), telling: { ...telling, at } });
    const { kind, subject } = problem;
    log.info({ kind, subject: subject.id }, 'A problem is to be told');
  }

  async #follow(episode: OpenEpisode, lasts: boolean, at: Date): Promise<void> {
    const { collections, telling, windowMs, log } = this.#deps;
    const { kind, subject, goneAt } = episode;
    if (lasts) {
      if (goneAt !== undefined) await noteGone(collections, episode, undefined);
    } else if (goneAt === undefined) await noteGone(collections, episode, at);
    else if (at.getTime() - goneAt.getTime() >= windowMs) {
      await endEpisode(collections, episode, { until: goneAt, telling: { ...telling, at } });
      log.info({ kind, subject: subject.id }, 'A problem that was told is over');
    }
  }

  /** Those found since the last look; and those found of late, which last for a window. */
  async #missedSince(at: Date): Promise<Date> {
    const found = await this.#deps.collections.installation.findOne({ _id: LOOKED_THROUGH });
    const windowAgo = new Date(at.getTime() - this.#deps.windowMs);
    return found !== null && found.at < windowAgo ? found.at : windowAgo;
  }
}

async function worded(fresh: readonly Fresh[], describe: Look['describe']): Promise<NewProblem[]> {
  const found = await describe(fresh.flatMap(toBeWorded));
  const words = new Map(found.map((condition) => [conditionKey(condition), condition]));
  return fresh.flatMap((each) => problemOf(each, words) ?? []);
}
