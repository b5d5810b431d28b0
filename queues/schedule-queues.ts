import { Queue, type AdvancedRepeatOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { timingOf } from '../model/cron/parse.ts';
import { alarmTime } from './alarm-time.ts';
import {
  MAX_CAUSE,
  runJobSchema,
  SCHEDULE_QUEUES,
  tickJobSchema,
  type RunJob,
  type ScheduleQueueName,
  type TickJob,
  type Urgency,
} from './names.ts';
import { delayedScoreMs } from './delayed-score.ts';
import { deduplication, MAX_RANK, OVERDUE_CALL, RUN_JOB_OPTIONS, TICK_JOB_OPTIONS } from './options.ts';
import { queuePrefix } from './queues.ts';

/** A run to put on the queue. */
export type EnqueueRun = {
  runId: string;
  cause: string;
  /** How long it waits before it may be taken. */
  delayMs?: number;
  /** Runs of the same schedule before it in line: the fewer, the sooner it goes where runs wait for a place. */
  rank?: number;
  /** Its container may run with nobody to watch it: it goes before all that have not started, whatever their rank. */
  isAtWork?: boolean;
  /** Default `event`. */
  urgency?: Urgency;
  /** Of what led to it, where a trace goes on with the run. */
  traceparent?: string | undefined;
};

/**
 * The job of a run. `delayedUntilMs`: absent where it waits or is active; by the clock of the host that delayed it. `rank`: as
 * it was queued with; undefined where it goes before all that have one.
 */
export type JobOfRun = { delayedUntilMs?: number; rank?: number };

export type ScheduleQueuesOptions = {
  connection: Redis;
  installation: string;
  onError: (queue: ScheduleQueueName, error: Error) => void;
};

const PAGE = 1_000;
/** Elements that Redis looks at for each step of a scan. */
const SCAN_COUNT = 5_000;

/** The producing end of the schedules' queues over one connection. */
export class ScheduleQueues implements AsyncDisposable {
  readonly ticks: Queue<TickJob>;
  readonly runs: Queue<RunJob>;
  readonly byName: Readonly<Record<ScheduleQueueName, Queue>>;
  readonly #redis: Redis;

  constructor({ connection, installation, onError }: ScheduleQueuesOptions) {
    const shared = { connection, prefix: queuePrefix(installation) };
    this.#redis = connection;
    this.ticks = new Queue<TickJob>('schedule-tick', {
      ...shared,
      defaultJobOptions: TICK_JOB_OPTIONS,
      settings: repeatSettings(),
    });
    this.runs = new Queue<RunJob>('scheduled-run', { ...shared, defaultJobOptions: RUN_JOB_OPTIONS });
    this.byName = { 'schedule-tick': this.ticks, 'scheduled-run': this.runs };
    for (const name of SCHEDULE_QUEUES) this.byName[name].on('error', (error) => onError(name, error));
  }

  /**
   * Wakes a tick handler, which handles everything that is due: so one call waits at most, whichever schedule it names. A
   * call that is delayed (it failed, or a clock was set back) does not stand in the way of the next one.
   */
  async addTick(scheduleId: string, cause: string): Promise<void> {
    await this.ticks.add(
      'schedule-tick',
      tickJobSchema.parse({ scheduleId, cause: cause.slice(0, MAX_CAUSE) }),
      { deduplication: deduplication(OVERDUE_CALL, 'event') },
    );
  }

  /**
   * Puts runs on their queue, two round trips for each thousand. One job each, however often; one that waits already moves up
   * where its run has come closer to the head of its line since. Resolves once Redis has them.
   */
  async addRuns(items: readonly EnqueueRun[]): Promise<void> {
    for (let at = 0; at < items.length; at += PAGE) {
      const page = items.slice(at, at + PAGE);
      const jobs = await this.runs.addBulk(
        page.map(({ runId, cause, delayMs = 0, urgency = 'event', traceparent, ...place }) => {
          const priority = priorityOf(place);
          return {
            name: 'scheduled-run',
            data: runJobSchema.parse({
              runId,
              cause: cause.slice(0, MAX_CAUSE),
              ...(traceparent === undefined ? {} : { traceparent }),
            }),
            opts: {
              deduplication: deduplication(runId, urgency),
              ...(priority > 0 ? { priority } : {}),
              ...(delayMs > 0 ? { delay: delayMs } : {}),
            },
          };
        }),
      );
      // The priority of the job that is there now, which need not be the one that was just given.
      const priorities = await this.#priorities(jobs.map(({ id = '' }) => id));
      await Promise.all(
        jobs.map(async (job, index) => {
          const priority = priorityOf(page[index] ?? {});
          if ((priorities[index] ?? 0) <= priority) return;
          // It may have been taken, or be gone, since: then there is nothing to move.
          await job.changePriority({ priority }).catch(ignoreMissingJob);
        }),
      );
    }
  }

  /** Of these runs, those that have a job: one that waits, is delayed or is active. */
  async runsWithJobs(runIds: readonly string[]): Promise<Map<string, JobOfRun>> {
    const found = new Map<string, JobOfRun>();
    for (let at = 0; at < runIds.length; at += PAGE) {
      const page = runIds.slice(at, at + PAGE);
      const jobIds = await this.#redis.mget(page.map((runId) => this.runs.toKey(`de:${runId}`)));
      const held = page.flatMap((runId, index) => {
        const jobId = jobIds[index];
        return typeof jobId === 'string' ? [{ runId, jobId }] : [];
      });
      // The mark of a job that is gone says nothing.
      const exist = await this.#exist(held.map(({ jobId }) => this.runs.toKey(jobId)));
      const delayed = await this.#delayedUntil(held.map(({ jobId }) => jobId));
      const priorities = await this.#priorities(held.map(({ jobId }) => jobId));
      held.forEach(({ runId }, index) => {
        if (exist[index] !== true) return;
        const [delayedUntilMs, priority = 0] = [delayed[index], priorities[index]];
        found.set(runId, {
          ...(delayedUntilMs === undefined ? {} : { delayedUntilMs }),
          ...(priority > 0 ? { rank: priority - 1 } : {}),
        });
      });
    }
    return found;
  }

  /**
   * Sets or replaces the alarm of a schedule, to ring at its timing's next time. False where that moment's alarm is ringing
   * right now and cannot be replaced: the next look will find whether anything is missing.
   */
  async setAlarm(scheduleId: string, timing: string): Promise<boolean> {
    if (await this.#upsertAlarm(scheduleId, timing)) return true;
    // A job of that very moment is left over (the clock was set back, or the alarm was removed while it waited): it goes.
    const next = alarmTime(timingOf(timing), Date.now());
    if (next === undefined) return false;
    const removed = await this.ticks.remove(alarmJobId(scheduleId, next));
    return removed === 1 && (await this.#upsertAlarm(scheduleId, timing));
  }

  async removeAlarm(scheduleId: string): Promise<void> {
    await this.ticks.removeJobScheduler(scheduleId);
  }

  /** When each alarm rings next, by schedule, in epoch milliseconds of the clock of whoever set it. */
  async alarms(): Promise<Map<string, number>> {
    const alarms = new Map<string, number>();
    let cursor = '0';
    do {
      // By scan, not by rank: ranks shift while alarms ring, and one that is skipped would pass for missing.
      const [next, found] = await this.#redis.zscan(this.ticks.toKey('repeat'), cursor, 'COUNT', SCAN_COUNT);
      for (let at = 0; at + 1 < found.length; at += 2) alarms.set(found[at] ?? '', Number(found[at + 1]));
      cursor = next;
    } while (cursor !== '0');
    return alarms;
  }

  /** Whether the job exists that is to ring at that time and to set the alarm's next one; in the order of the question. */
  async alarmJobsExist(alarms: readonly { scheduleId: string; at: number }[]): Promise<boolean[]> {
    const exist: boolean[] = [];
    for (let page = 0; page < alarms.length; page += PAGE)
      exist.push(
        ...(await this.#exist(
          alarms
            .slice(page, page + PAGE)
            .map(({ scheduleId, at }) => this.ticks.toKey(alarmJobId(scheduleId, at))),
        )),
      );
    return exist;
  }

  /** Runs at once in the whole installation. Redis keeps it, so it is to be said again after a loss of data. */
  async setRunsAtOnce(runs: number): Promise<void> {
    await this.runs.setGlobalConcurrency(runs);
  }

  async close(): Promise<void> {
    await Promise.all(SCHEDULE_QUEUES.map((name) => this.byName[name].close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #upsertAlarm(scheduleId: string, timing: string): Promise<boolean> {
    try {
      await this.ticks.upsertJobScheduler(
        scheduleId,
        { pattern: timing },
        { name: 'schedule-tick', data: { scheduleId, cause: 'alarm' } },
      );
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === JOB_ID_COLLISION) return false;
      throw error;
    }
  }

  async #delayedUntil(jobIds: readonly string[]): Promise<(number | undefined)[]> {
    if (jobIds.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const jobId of jobIds) pipeline.zscore(this.runs.toKey('delayed'), jobId);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, score]) => {
      if (error !== null) throw error;
      return score === null ? undefined : delayedScoreMs(Number(score));
    });
  }

  /** 0 for a job that has none, or that is gone. */
  async #priorities(jobIds: readonly string[]): Promise<number[]> {
    if (jobIds.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const jobId of jobIds) pipeline.hget(this.runs.toKey(jobId), 'priority');
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, priority]) => {
      if (error !== null) throw error;
      return Number(priority ?? 0);
    });
  }

  async #exist(keys: readonly string[]): Promise<boolean[]> {
    if (keys.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const key of keys) pipeline.exists(key);
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, count]) => {
      if (error !== null) throw error;
      return count === 1;
    });
  }
}

/** Jobs without a priority are taken before all that have one. */
const priorityOf = ({ rank = 0, isAtWork = false }: Pick<EnqueueRun, 'rank' | 'isAtWork'>): number =>
  isAtWork ? 0 : 1 + Math.min(MAX_RANK, rank);

/** BullMQ's `ErrorCode.JobNotExist`. */
const JOB_NOT_EXIST = -1;

function ignoreMissingJob(error: unknown): void {
  if ((error as { code?: unknown }).code !== JOB_NOT_EXIST) throw error;
}

/** BullMQ's `ErrorCode.SchedulerJobIdCollision`. */
const JOB_ID_COLLISION = -10;

/** As BullMQ names the job of a scheduler's next iteration. */
const alarmJobId = (scheduleId: string, at: number): string => `repeat:${scheduleId}:${at}`;

/**
 * BullMQ finds an alarm's next time by this, on both ends: where alarms are set, and where they ring (`settings` of the
 * worker). So what validates a schedule also fires it.
 */
export const repeatSettings = (): AdvancedRepeatOptions => ({
  repeatStrategy: (millis, { pattern = '' }) => alarmTime(timingOf(pattern), millis),
});
