import { POLICY_PATHS, schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { Reading } from './decide.ts';

/** What of a schedule's document says when and how it runs; code, readme and parameters decide nothing here. */
export const PLANNED_FIELDS = {
  _id: 0,
  id: 1,
  enabled: 1,
  next_execution_time: 1,
  'config.enabled': 1,
  ...POLICY_PATHS,
} as const;

const MAX_READINGS = 100_000;
/** A reason is shown in tables; all problems of a config are seldom more. */
const MAX_REASON = 2_000;

/**
 * Reads configs, each text once: a look at a hundred thousand schedules every few seconds must not check every cron each
 * time. Takes documents with `PLANNED_FIELDS`.
 */
export class PolicyReader {
  readonly #operator: ScheduleOperator;
  readonly #readings = new Map<string, Reading>();

  constructor(operator: ScheduleOperator) {
    this.#operator = operator;
  }

  read(document: Pick<ScheduleDocument, 'id' | 'config'>): Reading {
    const key = JSON.stringify(document.config ?? null);
    let reading = this.#readings.get(key);
    if (reading === undefined) {
      reading = this.#readAnew(document);
      if (this.#readings.size >= MAX_READINGS) this.#readings.clear();
      this.#readings.set(key, reading);
    }
    return reading;
  }

  #readAnew(document: Pick<ScheduleDocument, 'id' | 'config'>): Reading {
    const outcome = schedulePolicy(document, this.#operator);
    if (!outcome.ok) return { ok: false, reason: outcome.problems.join('; ').slice(0, MAX_REASON) };
    const { policy, timing } = outcome;
    return {
      ok: true,
      timing: timing.text,
      cron: policy.cron,
      zone: policy.zone,
      windowMs: policy.misfire.windowMs,
      runsAtOnce: policy.overlap.max,
    };
  }
}
