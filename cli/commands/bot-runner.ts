import type { Command } from 'commander';
import { startBotRunner } from '../roles/bot-runner.ts';
import { runRole } from '../run-role.ts';
import { findTarget } from '../target.ts';

export function botRunnerCommand(program: Command): void {
  program
    .command('bot-runner')
    .description('everything for realtime bots in one process: events, planning, processing')
    .option('--reconcile-interval <duration>', 'period of the full resync, such as 30s (RECONCILE_INTERVAL)')
    .action(async (_flags: object, command: Command) => {
      const { settings, environment } = findTarget(command.optsWithGlobals());
      await runRole({ service: 'bot-runner', settings, environment, healthPort: settings.HEALTH_PORT, healthPortSetting: 'HEALTH_PORT' }, startBotRunner);
    });
}
