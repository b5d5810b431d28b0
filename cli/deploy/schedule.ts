import { schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import { CliError } from '../errors.ts';

/**
 * Refuses what would be stored and never run. The runtime says the same in the schedule's status; here it costs no version.
 * @throws CliError
 */
export function checkSchedule(
  id: string,
  config: Readonly<Record<string, unknown>>,
  operator: ScheduleOperator,
): void {
  const outcome = schedulePolicy({ id, config }, operator);
  if (outcome.ok) return;
  throw new CliError(
    `The instance’s configuration cannot be scheduled:\n${outcome.problems.map((problem) => `  ${problem}`).join('\n')}`,
  );
}
