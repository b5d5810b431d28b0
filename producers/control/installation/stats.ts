import type { Queue } from 'bullmq';
import type { Logger } from '../../../infra/logger.ts';
import { messageOf } from '../../../infra/message-of.ts';
import type { Collections } from '../../../infra/mongo/collections.ts';
import { HAS_ENDED } from '../../../infra/mongo/indexed-queries.ts';
import { FINAL_RUN_STATES, type FinalRunState } from '../../../model/runs.ts';
import type { SchedulePhase } from '../../../model/schedule-status.ts';
import type { Phase } from '../../../model/status.ts';
import { readBacklog } from '../../../queues/backlog.ts';
import { botPhases, schedulePhases } from './phases.ts';
import { engineAsSeen, liveProcesses, type LiveProcess } from './processes.ts';
import { askServers, type ServerAnswer, type ServerProbe } from './servers.ts';

export type StatsDeps = {
  collections: Collections;
  /** Rejects while Redis is away. */
  queues: () => Promise<readonly Queue[]>;
  probes: readonly ServerProbe[];
  /** The installation's time. */
  now: () => Date;
  log: Logger;
};

/** The installation at a glance. What could not be looked at is absent: `servers` says what is away. */
export type Stats = {
  now: Date;
  servers: ServerAnswer[];
  bots: ReadonlyMap<Phase, number>;
  schedules: ReadonlyMap<SchedulePhase | 'pending', number>;
  processes: readonly LiveProcess[];
  runsLastHour: ReadonlyMap<FinalRunState, number>;
  poisonEvents: number;
  jobsWaiting: number;
  oldestWaitingSeconds: number;
};

const HOUR_MS = 3_600_000;
/** All who look at the same page at the same time see the same. */
const FRESH_MS = 2_000;

/** Reads the installation at most every two seconds, whatever the number of those who look. */
export class StatsReader {
  readonly #deps: StatsDeps;
  #latest: { readAtMs: number; stats: Promise<Stats> } | undefined;

  constructor(deps: StatsDeps) {
    this.#deps = deps;
  }

  read(): Promise<Stats> {
    const nowMs = performance.now();
    if (this.#latest === undefined || nowMs - this.#latest.readAtMs > FRESH_MS)
      this.#latest = { readAtMs: nowMs, stats: readStats(this.#deps) };
    return this.#latest.stats;
  }
}

async function readStats(deps: StatsDeps): Promise<Stats> {
  const { collections, log } = deps;
  const now = deps.now();
  const known = async <T>(what: string, look: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await look();
    } catch (error) {
      log.debug({ what, error: messageOf(error) }, 'a part of the statistics cannot be read');
      return otherwise;
    }
  };
  const [servers, bots, schedules, processes, runsLastHour, poisonEvents, backlog] = await Promise.all([
    askServers(deps.probes),
    known('bots', () => botPhases(collections), new Map<Phase, number>()),
    known('schedules', () => schedulePhases(collections), new Map<SchedulePhase | 'pending', number>()),
    known('processes', () => liveProcesses(collections, now), undefined),
    known(
      'runs',
      () => runsSince(collections, new Date(now.getTime() - HOUR_MS)),
      new Map<FinalRunState, number>(),
    ),
    known('poison', () => collections.poison.estimatedDocumentCount(), 0),
    known('queues', () => backlogOf(deps), { jobs: 0, ageSeconds: 0 }),
  ]);
  return {
    now,
    servers: processes === undefined ? servers : [...servers, engineAsSeen(processes)],
    bots,
    schedules,
    processes: processes ?? [],
    runsLastHour,
    poisonEvents,
    jobsWaiting: backlog.jobs,
    oldestWaitingSeconds: backlog.ageSeconds,
  };
}

/** Of nominal times since then, by how they ended. */
async function runsSince(
  { runs }: Pick<Collections, 'runs'>,
  since: Date,
): Promise<Map<FinalRunState, number>> {
  const counts = await Promise.all(
    FINAL_RUN_STATES.map(
      async (state) =>
        [state, await runs.countDocuments({ state, nominal: { $gte: since }, ...HAS_ENDED })] as const,
    ),
  );
  return new Map(counts.filter(([, count]) => count > 0));
}

/** What waits in all queues, and how long the oldest has: a delayed job only once its time has come. */
async function backlogOf({ queues, now }: StatsDeps): Promise<{ jobs: number; ageSeconds: number }> {
  const nowMs = now().getTime();
  const all = await Promise.all((await queues()).map((queue) => readBacklog(queue, nowMs)));
  return {
    jobs: all.reduce((sum, { jobs }) => sum + jobs.waiting + jobs.prioritized, 0),
    ageSeconds: Math.max(0, ...all.map(({ ageSeconds }) => Math.max(ageSeconds.waiting, ageSeconds.delayed))),
  };
}
