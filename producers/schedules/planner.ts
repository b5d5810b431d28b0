import { MongoBulkWriteError, type BulkWriteResult } from 'mongodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { DUPLICATE_KEY } from '../../infra/mongo/duplicate-key.ts';
import { SCHEDULE_PHASES, type SchedulePhase } from '../../model/schedule-status.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { AlarmLook, removeAlarms, setAlarms, type Alarm } from './alarms.ts';
import { decide, type Verdict } from './decide.ts';
import { RunHealer, type Healed } from './heal-runs.ts';
import { nextTimeWrite } from './next-time.ts';
import { PolicyReader } from './policy-reader.ts';
import { ScheduleReader, type ScheduleCollections, type Seen } from './reader.ts';
import { statusWrite, type StatusWrite } from './status-writes.ts';

export type SchedulePlannerDeps = {
  collections: ScheduleCollections;
  queues: Pick<
    ScheduleQueues,
    'setAlarm' | 'removeAlarm' | 'alarms' | 'alarmJobsExist' | 'addRuns' | 'runsWithJobs'
  >;
  operator: ScheduleOperator;
  /** The trusted clock, epoch milliseconds. */
  now: () => number;
  /** The clock of this host, by which alarms are set. */
  hostNow?: () => number;
};

/** What a look at every schedule found and did. */
export type ScheduleLook = {
  schedules: number;
  active: number;
  phases: Record<SchedulePhase, number>;
  /** Statuses that were written. */
  changed: number;
  /** Those that handlers were at, or that changed meanwhile: looked at again within a second. */
  contested: number;
  /** Alarms that were missing or wrong, and such that belonged to no schedule. */
  alarmsSet: number;
  alarmsRemoved: number;
  linesMended: number;
  /** Runs that had no job. */
  runsQueued: number;
  tookMs: number;
};

/** A schedule with what was made of it. */
type Planned = { seen: Seen; verdict: Verdict; write: StatusWrite | undefined };

type Outcome = { planned: Planned[]; changed: number; contested: string[] };

const BATCH = 1_000;
/** Handlers are done with a claim within a fraction of a second. */
const TRY_AGAIN_AFTER_MS = [50, 150, 300] as const;

/**
 * Keeps each schedule's status, alarm and announced next time as its document, holds and runs demand. Holds no truth of its
 * own; one batch at a time, so that a look at everything never undoes what a change led to meanwhile.
 */
export class SchedulePlanner {
  readonly #deps: SchedulePlannerDeps;
  readonly #reader: ScheduleReader;
  readonly #policies: PolicyReader;
  readonly #healer: RunHealer;
  readonly #contested = new Set<string>();
  /** Alarms that statuses ask for and Redis has not been told: which timing, or none. */
  readonly #owed = new Map<string, string | undefined>();
  #batch: Promise<unknown> = Promise.resolve();

  constructor(deps: SchedulePlannerDeps) {
    const { collections, queues, now, hostNow = Date.now, operator } = deps;
    this.#deps = deps;
    this.#reader = new ScheduleReader(collections);
    this.#policies = new PolicyReader(operator);
    this.#healer = new RunHealer({
      runs: collections.runs,
      statuses: collections.scheduleStatus,
      queues,
      now,
      hostNow,
    });
  }

  /** Plans some schedules because something about them changed. Resolves once it is written and their alarms are set. */
  async plan(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += BATCH) {
      let some = ids.slice(at, at + BATCH);
      for (const waitMs of [0, ...TRY_AGAIN_AFTER_MS]) {
        if (waitMs > 0) await sleep(waitMs);
        some = await this.#planOnce(some);
        if (some.length === 0) break;
      }
      for (const id of some) this.#contested.add(id);
    }
  }

  /** Plans once more what could not be written because handlers were at it. To be called every second. */
  async again(): Promise<void> {
    await this.#alone(() => this.#payAlarms());
    const ids = [...this.#contested];
    this.#contested.clear();
    try {
      for (let at = 0; at < ids.length; at += BATCH)
        for (const id of await this.#planOnce(ids.slice(at, at + BATCH))) this.#contested.add(id);
    } catch (error) {
      for (const id of ids) this.#contested.add(id);
      throw error;
    }
  }

  /** Looks at every schedule, its alarm, its line and its runs, and puts right what is not as it should be. */
  async resync(): Promise<ScheduleLook> {
    const beganMs = performance.now();
    const { queues, hostNow = Date.now } = this.#deps;
    const look = { schedules: 0, active: 0, changed: 0, contested: 0, linesMended: 0, runsQueued: 0 };
    const phases = noneOfEach();
    this.#healer.beginLook();
    const alarms = await AlarmLook.begin(queues, hostNow);
    let after: string | undefined = '';
    while (after !== undefined) {
      const from: string = after;
      after = await this.#alone(async () => {
        const { seen, through } = await this.#reader.after(from);
        const { planned, changed, contested } = await this.#carryOut(seen);
        await alarms.compare(alarmsOf(planned));
        const healed = await this.#heal(planned);
        for (const id of contested) this.#contested.add(id);
        look.schedules += planned.filter(({ seen: { document } }) => document !== undefined).length;
        look.active += planned.filter(isTicking).length;
        for (const schedule of planned) {
          const phase = phaseOf(schedule);
          if (phase !== undefined) phases[phase] += 1;
        }
        look.changed += changed;
        look.contested += contested.length;
        look.linesMended += healed.linesMended;
        look.runsQueued += healed.runsQueued;
        return through;
      });
    }
    await alarms.end();
    const tookMs = Math.round(performance.now() - beganMs);
    return { ...look, phases, alarmsSet: alarms.set, alarmsRemoved: alarms.removed, tookMs };
  }

  /** Returns those that have to be looked at again. */
  #planOnce(ids: readonly string[]): Promise<string[]> {
    return this.#alone(async () => (await this.#carryOut(await this.#reader.some(ids))).contested);
  }

  async #carryOut(all: readonly Seen[]): Promise<Outcome> {
    const { collections, now } = this.#deps;
    const nowMs = now();
    const planned = all.map((seen): Planned => {
      const verdict = decide(seen, () => this.#policies.read(seen.document ?? { id: seen.id }), nowMs);
      return { seen, verdict, write: statusWrite(seen, verdict, nowMs) };
    });
    const writing = planned.filter(({ write }) => write !== undefined);
    const operations = writing.flatMap(({ write }) => write?.operation ?? []);
    const done = operations.length === 0 ? 0 : countOf(await this.#write(operations), operations.length);
    // Which of them were not carried out MongoDB does not say; those that were are found well when they are read again.
    const isComplete = done === operations.length;
    const contested = planned.filter(
      ({ verdict, write }) => verdict.kind === 'wait' || (!isComplete && write !== undefined),
    );

    for (const { seen, verdict } of writing) {
      if (verdict.kind === 'begin') this.#owed.set(seen.id, verdict.timing);
      else if (verdict.kind !== 'reword') this.#owed.set(seen.id, undefined);
    }
    await this.#payAlarms();
    if (isComplete) {
      const times = planned.flatMap(({ seen, verdict, write }) =>
        nextTimeWrite(seen, verdict, write?.nextAt, nowMs),
      );
      if (times.length > 0) await collections.schedules.bulkWrite(times, { ordered: false });
    }
    return { planned, changed: done, contested: contested.map(({ seen }) => seen.id) };
  }

  /** What fails is owed still: whoever plans next tries again, whatever he plans. */
  async #payAlarms(): Promise<void> {
    const { queues } = this.#deps;
    const owed = [...this.#owed];
    await setAlarms(
      queues,
      owed.flatMap(([id, timing]) => (timing === undefined ? [] : { id, timing })),
    );
    await removeAlarms(
      queues,
      owed.flatMap(([id, timing]) => (timing === undefined ? id : [])),
    );
    for (const [id] of owed) this.#owed.delete(id);
  }

  async #write(operations: StatusWrite['operation'][]): Promise<BulkWriteResult> {
    try {
      return await this.#deps.collections.scheduleStatus.bulkWrite(operations, { ordered: false });
    } catch (error) {
      // Another planner was first to write the status of a new schedule.
      if (error instanceof MongoBulkWriteError && error.code === DUPLICATE_KEY) return error.result;
      throw error;
    }
  }

  #heal(planned: readonly Planned[]): Promise<Healed> {
    return this.#healer.heal(
      planned
        // A status that was not there when it was read has its line from the same look at the runs.
        .filter(({ seen: { status } }) => status !== undefined)
        .map(({ seen: { id, status, runs, document } }) => {
          const reading = document === undefined ? undefined : this.#policies.read(document);
          const max = reading?.ok === true ? reading.runsAtOnce : 1;
          return { id, line: status?.line ?? [], openRuns: runs, max };
        }),
    );
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#batch.then(work, work);
    // Whoever asked hears of a failure; the next in line does not mind.
    this.#batch = result.catch(() => undefined);
    return result;
  }
}

const countOf = (result: BulkWriteResult, operations: number): number =>
  Math.min(operations, result.matchedCount + result.upsertedCount + result.deletedCount);

const isTicking = ({ seen: { status }, verdict: { kind } }: Planned): boolean =>
  kind === 'begin' || (kind !== 'stop' && kind !== 'forget' && status?.phase === 'active');

const noneOfEach = (): Record<SchedulePhase, number> =>
  Object.fromEntries(SCHEDULE_PHASES.map((phase) => [phase, 0])) as Record<SchedulePhase, number>;

/** Which it is in once the verdict is carried out; undefined: nothing is left of it. */
function phaseOf({ seen: { status }, verdict }: Planned): SchedulePhase | undefined {
  switch (verdict.kind) {
    case 'begin':
      return 'active';
    case 'stop':
      return verdict.phase;
    case 'forget':
      return undefined;
    case 'leave':
    case 'wait':
    case 'reword':
      return status?.phase;
  }
}

/** What a look at alarms has to compare with. */
function alarmsOf(planned: readonly Planned[]): Parameters<AlarmLook['compare']>[0] {
  const wanted: (Alarm & { nextAtMs: number })[] = [];
  const done: string[] = [];
  const none: string[] = [];
  for (const schedule of planned) {
    const { id, status } = schedule.seen;
    if (['begin', 'stop', 'forget'].includes(schedule.verdict.kind)) done.push(id);
    else if (!isTicking(schedule)) none.push(id);
    else if (status?.timing !== undefined && status.nextAt !== undefined)
      wanted.push({ id, timing: status.timing, nextAtMs: status.nextAt.getTime() });
  }
  return { wanted, done, none };
}
