import { Option, type Command } from 'commander';
import { RETIRED_FLAGS, retiredFlags } from '../../infra/config/flags.ts';
import { findTarget } from '../target.ts';

export function controllerCommand(program: Command): void {
  const controller = program
    .command('controller')
    .alias('dashboard')
    .description('the control API (gRPC, gRPC-Web, HTTP with JSON) and the dashboard')
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals();
      const { settings, environment } = findTarget(flags);
      // Loaded only now, so that the other commands answer sooner.
      const [{ runRole }, { startController }] = await Promise.all([
        import('../run-role.ts'),
        import('../roles/controller.ts'),
      ]);
      await runRole(
        {
          service: 'controller',
          settings,
          environment,
          retiredFlags: retiredFlags(flags),
          healthPort: settings.CONTROL_HEALTH_PORT,
          healthPortSetting: 'CONTROL_HEALTH_PORT',
        },
        startController,
      );
    });
  for (const flag of referenceFlags()) controller.addOption(flag.hideHelp());
}

/** Command lines of the reference's controller start this one; what it did for Kubernetes, other commands do for the engine. */
function referenceFlags(): Option[] {
  return [
    new Option('--reconcile-interval <duration>', 'RECONCILE_INTERVAL'),
    new Option('--minio-endpoint <host:port>', 'S3_ENDPOINT'),
    ...Object.entries(RETIRED_FLAGS).map(([flag, replacement]) => new Option(`${flag} <value>`, replacement)),
  ];
}
