import type { Timing } from '../../model/cron/timing.ts';
import { schedulePolicy, type ScheduleOperator } from '../../model/schedule-policy.ts';
import { CliError, EXIT } from '../errors.ts';

/** Read as a schedule's own configuration is, so that what is shown here is what would run. @throws CliError */
export function timingOfFlags(
  flags: { cron: string; zone: string | undefined },
  operator: ScheduleOperator,
): Timing {
  const config = { schedule: flags.cron, ...(flags.zone === undefined ? {} : { timezone: flags.zone }) };
  const outcome = schedulePolicy({ id: 'preview', config }, operator);
  if (outcome.ok) return outcome.timing;
  const problems = outcome.problems.map((problem) =>
    problem.replaceAll('config.schedule', '--cron').replaceAll('config.timezone', '--zone'),
  );
  throw new CliError(problems.join('\n'), EXIT.usage);
}
