import { alarmTime } from '../../queues/alarm-time.ts';
import { timingOf } from '../../model/cron/parse.ts';
import type { ScheduleQueues } from '../../queues/schedule-queues.ts';
import { alarmState } from './alarm-check.ts';
import { forEachAtMost } from './at-most.ts';

export type AlarmQueues = Pick<ScheduleQueues, 'setAlarm' | 'removeAlarm' | 'alarms' | 'alarmJobsExist'>;

/** An alarm that should be there. */
export type Alarm = { id: string; timing: string };

/** Commands under way at once: Redis is kept busy, and a change that comes meanwhile does not wait for long. */
const AT_ONCE = 200;

export async function setAlarms(queues: AlarmQueues, alarms: readonly Alarm[]): Promise<void> {
  await forEachAtMost(alarms, AT_ONCE, async ({ id, timing }) => {
    await queues.setAlarm(id, timing);
  });
}

export async function removeAlarms(queues: AlarmQueues, ids: readonly string[]): Promise<void> {
  await forEachAtMost(ids, AT_ONCE, (id) => queues.removeAlarm(id));
}

/** One comparison of all alarms with all schedules, batch by batch: what is missing, stale or superfluous is mended. */
export class AlarmLook {
  readonly #queues: AlarmQueues;
  readonly #hostNow: () => number;
  /** Those that no schedule has accounted for yet. */
  readonly #left: Map<string, number>;
  set = 0;
  removed = 0;

  private constructor(queues: AlarmQueues, hostNow: () => number, alarms: Map<string, number>) {
    this.#queues = queues;
    this.#hostNow = hostNow;
    this.#left = alarms;
  }

  /** Before any schedule is read: one that is read later and has no alarm here gets it once more, which does no harm. */
  static async begin(queues: AlarmQueues, hostNow: () => number): Promise<AlarmLook> {
    return new AlarmLook(queues, hostNow, await queues.alarms());
  }

  /** `wanted`: of schedules that tick; `done`: ids of those whose alarm was set or removed just now; `none`: all others. */
  async compare(schedules: {
    wanted: readonly (Alarm & { nextAtMs: number })[];
    done: readonly string[];
    none: readonly string[];
  }): Promise<void> {
    for (const id of schedules.done) this.#left.delete(id);
    const superfluous = schedules.none.filter((id) => this.#left.delete(id));
    const set: Alarm[] = [];
    const overdue: (Alarm & { scheduleId: string; at: number })[] = [];
    for (const alarm of schedules.wanted) {
      const atMs = this.#left.get(alarm.id);
      this.#left.delete(alarm.id);
      const state = atMs === undefined ? 'missing' : this.#state(alarm, atMs);
      if (state === 'overdue') overdue.push({ ...alarm, scheduleId: alarm.id, at: atMs ?? 0 });
      else if (state !== 'well') set.push(alarm);
    }
    // Whoever takes the job of an overdue alarm sets its next one; without the job nobody ever will.
    const exist = await this.#queues.alarmJobsExist(overdue);
    set.push(...overdue.filter((_, index) => exist[index] !== true));
    await setAlarms(this.#queues, set);
    await this.#remove(superfluous);
    this.set += set.length;
  }

  /** After the last batch: what is left belongs to no schedule. */
  async end(): Promise<void> {
    await this.#remove([...this.#left.keys()]);
  }

  async #remove(ids: readonly string[]): Promise<void> {
    await removeAlarms(this.#queues, ids);
    this.removed += ids.length;
  }

  #state({ timing, nextAtMs }: { timing: string; nextAtMs: number }, atMs: number) {
    return alarmState({
      atMs,
      nextAtMs,
      hostNowMs: this.#hostNow(),
      next: (afterMs) => alarmTime(timingOf(timing), afterMs),
    });
  }
}
