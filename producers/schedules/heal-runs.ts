import type { AnyBulkWriteOperation, Collection, Document } from 'mongodb';
import { leavingLine } from '../../infra/mongo/leaving-line.ts';
import type { Run } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { EnqueueRun, JobOfRun, ScheduleQueues } from '../../queues/schedule-queues.ts';
import { isAtWork, mendLine, type LinedRun, type LineRepair } from './mend-line.ts';
import { UNCLAIMED } from './status-writes.ts';

export const LINED_FIELDS = {
  scheduleId: 1,
  state: 1,
  steps: 1,
  reason: 1,
  nominal: 1,
  due: 1,
  createdAt: 1,
  updatedAt: 1,
  endedAt: 1,
  nextAttemptAt: 1,
  'cancel.at': 1,
} as const satisfies Record<string, 1>;

/** A schedule as one look found it. */
export type SeenLine = { id: string; line: readonly string[]; openRuns: readonly LinedRun[]; max: number };

export type Healed = { linesMended: number; runsQueued: number };

/** Records are made before places in line: one that is not there by then was deleted, or lost with a restored backup. */
const RECORDED_WITHIN_MS = 10_000;
const PAGE = 1_000;
/** Handlers delay a job by 10 s at most beyond its run's own wait, be it to look again or after an error. */
const DELAYED_BEYOND_MS = 15_000;

/**
 * Puts right what crashes left undone in lines and on the queue of runs: runs that are over leave the line, open ones get
 * into it, and those that may go have a job. Every write holds only if things still are as they were seen.
 */
export class RunHealer {
  readonly #runs: Collection<Run>;
  readonly #statuses: Collection<ScheduleStatus>;
  readonly #queues: Pick<ScheduleQueues, 'addRuns' | 'runsWithJobs'>;
  readonly #now: () => number;
  readonly #hostNow: () => number;
  /** Ids in lines without a record, and when each was first seen so: in this look, and in the one before. */
  #unknown = new Map<string, number>();
  #unknownBefore = new Map<string, number>();

  constructor(deps: {
    runs: Collection<Run>;
    statuses: Collection<ScheduleStatus>;
    queues: Pick<ScheduleQueues, 'addRuns' | 'runsWithJobs'>;
    /** The trusted clock. */
    now: () => number;
    /** That of this host: delayed jobs go by hosts' clocks. */
    hostNow: () => number;
  }) {
    this.#runs = deps.runs;
    this.#statuses = deps.statuses;
    this.#queues = deps.queues;
    this.#now = deps.now;
    this.#hostNow = deps.hostNow;
  }

  /** To be called before the first batch of a look at everything. */
  beginLook(): void {
    this.#unknownBefore = this.#unknown;
    this.#unknown = new Map();
  }

  async heal(seen: readonly SeenLine[]): Promise<Healed> {
    const lined = seen.filter(({ line, openRuns }) => line.length > 0 || openRuns.length > 0);
    if (lined.length === 0) return { linesMended: 0, runsQueued: 0 };
    const nowMs = this.#now();
    const others = await this.#others(lined);
    const repairs = lined.map((schedule) => ({
      id: schedule.id,
      repair: mendLine({
        line: schedule.line,
        max: schedule.max,
        nowMs,
        runs: new Map([
          ...schedule.openRuns.map((run) => [run._id, run] as const),
          ...schedule.line.flatMap((id) => {
            const run = others.get(id);
            return run === undefined ? [] : [[id, run] as const];
          }),
        ]),
      }),
    }));
    const writes = repairs.flatMap(({ id, repair }) => this.#writes(id, repair, nowMs));
    // One after the other, as `front` stands: each goes before those that went to the front before it.
    const linesMended = writes.length === 0 ? 0 : (await this.#statuses.bulkWrite(writes)).modifiedCount;
    const runsQueued = await this.#queue(
      repairs.flatMap(({ repair }) => repair.go),
      nowMs,
    );
    return { linesMended, runsQueued };
  }

  /** Of runs in line, those that are not among the open ones just read. */
  async #others(lined: readonly SeenLine[]): Promise<Map<string, LinedRun>> {
    const ids = lined.flatMap(({ line, openRuns }) => {
      const open = new Set(openRuns.map(({ _id }) => _id));
      return line.filter((id) => !open.has(id));
    });
    const found = new Map<string, LinedRun>();
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = await this.#runs
        .find({ _id: { $in: ids.slice(at, at + PAGE) } })
        .project<LinedRun>(LINED_FIELDS)
        .toArray();
      for (const run of page) found.set(run._id, run);
    }
    return found;
  }

  #writes(_id: string, repair: LineRepair, nowMs: number): AnyBulkWriteOperation<ScheduleStatus>[] {
    const gone = repair.unknown.filter((runId) => {
      const since = this.#unknownBefore.get(runId) ?? nowMs;
      this.#unknown.set(runId, since);
      return nowMs - since >= RECORDED_WITHIN_MS;
    });
    const join = (
      { _id: runId, steps }: LinedRun,
      place: Document,
    ): AnyBulkWriteOperation<ScheduleStatus> => ({
      updateOne: {
        filter: { _id, line: { $ne: runId }, ...UNCLAIMED },
        update: {
          $push: {
            line: { $each: [runId], ...place },
            // It may have been over before: whoever ended it then is not to take it out now.
            ...(steps === undefined ? {} : { entered: { runId, steps } }),
          },
        },
      },
    });
    return [
      ...repair.pull.map((run) => ({ updateOne: leavingLine(run) })),
      ...gone.map((runId) => ({
        updateOne: { filter: { _id }, update: { $pull: { line: runId, entered: { runId } } } },
      })),
      ...repair.front.toReversed().map((run) => join(run, { $position: 0 })),
      ...repair.back.map((run) => join(run, {})),
    ];
  }

  async #queue(go: LineRepair['go'], nowMs: number): Promise<number> {
    if (go.length === 0) return 0;
    const jobs = await this.#queues.runsWithJobs(go.map(({ run }) => run._id));
    const clocks = { nowMs, hostNowMs: this.#hostNow() };
    const calls = go.flatMap(({ run, rank, waitsUntilMs, isUrgent }): EnqueueRun[] => {
      const job = jobs.get(run._id);
      const stranded = job !== undefined && isStranded(job, { run, waitsUntilMs }, clocks);
      const overtaken = job !== undefined && rank < (job.rank ?? 0);
      if (job !== undefined && !isUrgent && !stranded && !overtaken) return [];
      return [
        {
          runId: run._id,
          cause: isUrgent
            ? 'it is to be cancelled'
            : stranded
              ? 'its job was delayed too far'
              : overtaken
                ? 'it has come closer to its turn'
                : 'it had no job',
          delayMs: Math.max(0, waitsUntilMs - nowMs),
          rank,
          isAtWork: isAtWork(run),
          urgency: isUrgent || stranded ? 'event' : 'resync',
        },
      ];
    });
    await this.#queues.addRuns(calls);
    return calls.length;
  }
}

/**
 * Whether a delayed job comes too late for its run. Delays go by the clock of the host that made them, and end by the clock
 * of one that takes jobs: if the first was ahead, or the second was set back, jobs sit there as long as they differ.
 */
function isStranded(
  { delayedUntilMs }: JobOfRun,
  { run, waitsUntilMs }: Pick<LineRepair['go'][number], 'run' | 'waitsUntilMs'>,
  { nowMs, hostNowMs }: { nowMs: number; hostNowMs: number },
): boolean {
  if (delayedUntilMs === undefined) return false;
  const waitMs = Math.max(0, waitsUntilMs - nowMs);
  if (delayedUntilMs > hostNowMs + waitMs + DELAYED_BEYOND_MS) return true;
  // Our own clock may be the one that is ahead. The time of this run has come, whatever hosts make of it.
  return !isAtWork(run) && nowMs - waitsUntilMs >= DELAYED_BEYOND_MS;
}
