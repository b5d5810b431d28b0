import type { Redis } from 'ioredis';
import type { Collection, Document, MongoClient } from 'mongodb';
import { OutageLog, type Logger } from '../../infra/logger.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { NEW_PRIMARY, onNewPrimary } from '../../infra/mongo/new-primary.ts';
import { pause } from '../../infra/pause.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { DataLossSentinel, REDIS_DATA_LOST } from '../../queues/sentinel.ts';
import { ChangeFeed, type Source } from '../changes/change-feed.ts';
import { PlanLoop } from '../changes/plan-loop.ts';
import { callForOverdue } from './overdue.ts';
import { SchedulePlanner, type ScheduleLook } from './planner.ts';
import { quietWaitMs } from './quiet-moment.ts';
import { deleteOldRuns, type Keep } from './retention.ts';
import type { ScheduleCollections } from './reader.ts';

export type SchedulingDeps = {
  collections: ScheduleCollections & Pick<Collections, 'resumeTokens' | 'runRetention'>;
  /** Where the collections are, to notice that MongoDB fails over. */
  client: Pick<MongoClient, 'on' | 'off'>;
  queues: Omit<ScheduleQueues, 'close' | typeof Symbol.asyncDispose>;
  /** A producer's connection, to notice that Redis lost its data. */
  redis: Redis;
  installation: string;
  operator: ScheduleOperator;
  /** The trusted clock, epoch milliseconds. */
  now: () => number;
  /** True: MongoDB has no change streams, so everything is looked at all the time. */
  polling: boolean;
  checkEveryMs: number;
  /** Runs at once in the whole installation. */
  runsAtOnce: number;
  keep: Keep;
  log: Logger;
  /** After each look at everything that worked. */
  onLook?: (look: ScheduleLook, why: string) => void;
  /** After each look at everything, whatever came of it. */
  onRound?: () => void;
};

const SWEEP_EVERY_MS = 1_000;
/** A large fleet is looked at less often, so that looking takes a fifth of the time at most. */
const REST_FACTOR = 4;
const FIRST_CLEANING_MS = 60_000;
const CLEAN_EVERY_MS = 3_600_000;

/**
 * Everything that has to be done once in an installation so that schedules tick: planning what changed, looking at all of
 * them, calling for what is overdue, and deleting old records. To be run under a lease; a second one at once does no harm.
 */
export class Scheduling {
  readonly #deps: SchedulingDeps;
  readonly #planner: SchedulePlanner;

  constructor(deps: SchedulingDeps) {
    this.#deps = deps;
    this.#planner = new SchedulePlanner(deps);
  }

  /** Runs until `signal` aborts; survives outages. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, redis, installation, log, polling, checkEveryMs, now, onLook, onRound } = this.#deps;
    const loop = new PlanLoop({
      planner: { plan: (ids) => this.#planner.plan(ids), resync: () => this.#resync() },
      log,
      lookedMessage: 'Looked at every schedule',
      isNews,
      resyncEveryMs: checkEveryMs,
      restFactor: REST_FACTOR,
      polling,
      quietWaitMs: (tookMs) => quietWaitMs(now(), tookMs),
      ...(onLook === undefined ? {} : { onResync: onLook }),
      ...(onRound === undefined ? {} : { onRound }),
    });
    const sentinel = new DataLossSentinel({
      redis,
      installation,
      of: 'schedules',
      onLost: () => loop.lookAtAll(REDIS_DATA_LOST),
    });
    const feeds = (polling ? [] : this.#sources()).map(
      (source) =>
        new ChangeFeed({
          source,
          tokens: this.#deps.collections.resumeTokens,
          log,
          onChange: (changed) => loop.changed(changed, signal),
          onRecovered: () => loop.request(`the change stream of ${source.name} is back`),
        }),
    );
    using _elections = onNewPrimary(client, () => loop.request(NEW_PRIMARY));
    sentinel.start();
    try {
      await Promise.all([
        loop.run(signal),
        this.#sweep(signal),
        this.#clean(signal),
        ...feeds.map((feed) => feed.run(signal)),
      ]);
    } finally {
      await sentinel.stop();
    }
  }

  async #resync(): Promise<ScheduleLook> {
    // Redis keeps the limit, and may have been emptied.
    await this.#deps.queues.setRunsAtOnce(this.#deps.runsAtOnce);
    return await this.#planner.resync();
  }

  /** What nobody may wait for until the next look at everything. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { collections, queues, now, log } = this.#deps;
    const outage = new OutageLog(log, 'Looking for overdue schedules');
    while (!signal.aborted) {
      try {
        await this.#planner.again();
        await callForOverdue(collections.scheduleStatus, queues, now());
        outage.recovered();
      } catch (error) {
        outage.failed(error);
      }
      await pause(SWEEP_EVERY_MS, signal);
    }
  }

  async #clean(signal: AbortSignal): Promise<void> {
    const { collections, keep, now, log } = this.#deps;
    const outage = new OutageLog(log, 'Deleting old records of runs');
    for (let waitMs = FIRST_CLEANING_MS; ; waitMs = CLEAN_EVERY_MS) {
      await pause(waitMs, signal);
      if (signal.aborted) return;
      try {
        const deleted = await deleteOldRuns(collections, keep, { nowMs: now(), signal });
        outage.recovered();
        if (deleted > 0) log.info({ deleted, ...keep }, 'Old records of runs deleted');
      } catch (error) {
        outage.failed(error);
      }
    }
  }

  #sources(): Source[] {
    const { schedules, holds } = this.#deps.collections;
    return [
      {
        name: 'schedules',
        collection: schedules as unknown as Collection<Document>,
        idField: 'id',
        // Written with every tick, by handlers and by us.
        ignoring: ['next_execution_time'],
      },
      { name: 'schedule holds', collection: holds as unknown as Collection<Document>, idField: '_id' },
    ];
  }
}

/** How much a look found that was not as it should be. */
export const foundBy = (look: ScheduleLook): number =>
  look.changed + look.alarmsSet + look.alarmsRemoved + look.linesMended + look.runsQueued;

const isNews = (look: ScheduleLook): boolean => foundBy(look) > 0;
