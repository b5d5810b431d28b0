import type { Command } from 'commander';
import { findTarget } from '../target.ts';

export function queryServerCommand(program: Command): void {
  program
    .command('query-server')
    .description('takes the platform’s queries and gives them to bots’ query programs')
    .option('--port <port>', 'where the platform asks (QUERY_SERVER_PORT)')
    .action(async (_flags: object, command: Command) => {
      const { settings, environment } = findTarget(command.optsWithGlobals());
      // Loaded only now, so that the other commands answer sooner.
      const [{ runRole }, { startQueryServing }] = await Promise.all([
        import('../run-role.ts'),
        import('../roles/queries.ts'),
      ]);
      await runRole(
        {
          service: 'query-server',
          settings,
          environment,
          healthPort: settings.QUERY_HEALTH_PORT,
          healthPortSetting: 'QUERY_HEALTH_PORT',
        },
        (context) => startQueryServing(context),
      );
    });
}
