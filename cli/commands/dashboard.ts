import type { Command } from 'commander';
import { findTarget } from '../target.ts';

export function dashboardCommand(program: Command): void {
  program
    .command('dashboard')
    .description('the queues in a browser, behind a login (DASHBOARD_TOKEN); `up` has one built in')
    .action(async (_flags: object, command: Command) => {
      // Loaded only now, so that the other commands answer sooner.
      const { runDashboard } = await import('../run-dashboard.ts');
      await runDashboard(findTarget(command.optsWithGlobals()));
    });
}
