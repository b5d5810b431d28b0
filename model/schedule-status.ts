import type { RunState } from './runs.ts';

/** What is known of a schedule besides its document: kept in `<runtime database>.schedule_status`. */

export const SCHEDULE_PHASES = [
  /** It has an alarm and ticks. */
  'active',
  /** Its owner disabled it. */
  'disabled',
  /** An operator holds it. */
  'paused',
  /** Its document says something that cannot be run; the reason names the field. */
  'invalid',
  /** Its document was deleted, and a run of it is not over. */
  'gone',
] as const;
export type SchedulePhase = (typeof SCHEDULE_PHASES)[number];

/** How a run entered its schedule's line. `steps` as in `Run`. */
export type LineEntry = { runId: string; steps: number };

export type ScheduleStatus = {
  /** The schedule's id. */
  _id: string;
  phase: SchedulePhase;
  reason: string;
  /** When this phase began. */
  since: Date;
  updatedAt: Date;
  /** Cron text and zone in one: ticks begin anew, from now, when it changes. Present while active. */
  timing?: string;
  zone?: string;
  /** All nominal times up to this one have their record. Present while active. */
  handledThrough?: Date;
  /** The first nominal time after `handledThrough`. Absent while it does not tick. */
  nextAt?: Date;
  /** What is due of it cannot be worked out: why, since when, and when it is tried again. Nothing of it is given up. */
  stuck?: { reason: string; since: Date; until: Date };
  /** The last ticks that came while nobody handled them: of how many, since when to when, and when that was found. */
  missed?: { at: Date; ticks: number; first: Date; last: Date };
  /**
   * Runs that are not over, in line: the first `overlap.max` may go, the others wait. Appended to under `claim`, shortened
   * by whoever ends a run. This order is what keeps two runs of a schedule apart.
   */
  line: string[];
  /**
   * Of runs in line that were at work or over before they entered it: the steps that their records counted by then. Who
   * ended such a run before, and comes late to take it out, is known by it.
   */
  entered?: LineEntry[];
  /** Who handles its ticks at this moment. */
  claim?: { owner: string; until: Date } | null;
  lastRun?: { runId: string; state: RunState; endedAt: Date; reason: string };
  /** Runs in a row that failed or timed out. */
  failuresInRow: number;
};
