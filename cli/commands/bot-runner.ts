import type { Command } from 'commander';
import { findTarget } from '../target.ts';

export function botRunnerCommand(program: Command): void {
  program
    .command('bot-runner')
    .description('everything for realtime bots in one process: events, planning, processing')
    .option('--reconcile-interval <duration>', 'period of the full resync, such as 30s (RECONCILE_INTERVAL)')
    .option('--without-processing', 'only events: reaches no engine; needs processors that run --planning')
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals<{ withoutProcessing?: boolean }>();
      const { settings, environment } = findTarget(flags);
      // Loaded only now, so that the other commands answer sooner.
      const [{ runRole }, { startBotRunner }] = await Promise.all([
        import('../run-role.ts'),
        import('../roles/bot-runner.ts'),
      ]);
      await runRole(
        {
          service: 'bot-runner',
          settings,
          environment,
          healthPort: settings.HEALTH_PORT,
          healthPortSetting: 'HEALTH_PORT',
        },
        (context) => startBotRunner(context, { withEngine: flags.withoutProcessing !== true }),
      );
    });
}
