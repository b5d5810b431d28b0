import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import type { Settings } from './settings.ts';

/** The operator's side of what a schedule's config may ask for. */
export const scheduleOperator = (settings: Settings): ScheduleOperator => ({
  zone: settings.SCHEDULE_TIMEZONE,
  minIntervalMs: settings.SCHEDULE_MIN_INTERVAL,
  misfireWindowMs: settings.MISFIRE_WINDOW,
  fireAllCeiling: settings.FIRE_ALL_CEILING,
  overlapCeiling: settings.OVERLAP_CEILING,
  timeoutMs: settings.RUN_TIMEOUT,
  timeoutCeilingMs: settings.RUN_TIMEOUT_CEILING,
  retriesCeiling: settings.RUN_RETRIES_CEILING,
});
