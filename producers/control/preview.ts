import type { Timing } from '../../model/cron/timing.ts';
import { schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import { InvalidRequest } from './errors.ts';
import { zoneTime } from './zone-time.ts';

/** A nominal time to come, as a clock in the schedule's zone shows it and in UTC. */
export type PreviewedTime = { utc: string; zoneTime: string };

export type Preview = {
  cron: string;
  zone: string;
  times: PreviewedTime[];
  /** The calendar's reach ends before as many were found. */
  exhausted: boolean;
};

export const MAX_PREVIEW = 1_000;

/**
 * The next nominal times after a moment.
 * @throws InvalidRequest
 */
export function preview(timing: Timing, options: { count: number; fromMs: number }): Preview {
  const { count, fromMs } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_PREVIEW)
    throw new InvalidRequest(
      'count',
      `${count} times cannot be shown`,
      `ask for a whole number from 1 to ${MAX_PREVIEW}`,
    );
  const times: PreviewedTime[] = [];
  let at = timing.next(fromMs);
  while (at !== undefined && times.length < count) {
    times.push({ utc: new Date(at).toISOString(), zoneTime: zoneTime(at, timing.zone) });
    at = timing.next(at);
  }
  return { cron: timing.cron, zone: timing.zone, times, exhausted: times.length < count };
}

/**
 * The timing of a cron text, read as a schedule's own configuration is, so that what is shown is what would run.
 * @throws InvalidRequest
 */
export function timingOfText(
  { text, zone }: { text: string; zone?: string | undefined },
  operator: ScheduleOperator,
): Timing {
  const config = { schedule: text, ...(zone === undefined ? {} : { timezone: zone }) };
  const outcome = schedulePolicy({ id: 'preview', config }, operator);
  if (outcome.ok) return outcome.timing;
  const problems = outcome.problems.join('; ');
  const isZone = outcome.problems.every((problem) => problem.includes('config.timezone'));
  throw new InvalidRequest(
    isZone ? 'cron.zone' : 'cron.text',
    problems.replaceAll('config.schedule', 'cron.text').replaceAll('config.timezone', 'cron.zone'),
    'correct it and ask again',
  );
}
