import type { Command } from 'commander';
import { findTarget } from '../target.ts';

export function botSchedulerCommand(program: Command): void {
  program
    .command('bot-scheduler')
    .description('everything for scheduled bots in one process: events, alarms, ticks, runs')
    .option(
      '--check-interval <duration>',
      'how often every alarm and every open run is looked at, such as 10s (CHECK_INTERVAL)',
    )
    .option('--without-processing', 'only events and alarms: reaches no engine; needs processors')
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals<{ withoutProcessing?: boolean }>();
      const { settings, environment } = findTarget(flags);
      // Loaded only now, so that the other commands answer sooner.
      const [{ runRole }, { startBotScheduler }] = await Promise.all([
        import('../run-role.ts'),
        import('../roles/bot-scheduler.ts'),
      ]);
      await runRole(
        {
          service: 'bot-scheduler',
          settings,
          environment,
          healthPort: settings.SCHEDULER_HEALTH_PORT,
          healthPortSetting: 'SCHEDULER_HEALTH_PORT',
        },
        (context) => startBotScheduler(context, { withEngine: flags.withoutProcessing !== true }),
      );
    });
}
