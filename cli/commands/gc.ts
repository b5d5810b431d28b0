import { InvalidArgumentError, type Command } from 'commander';
import { parseDuration } from '../../model/duration.ts';
import { CliError, EXIT } from '../errors.ts';
import { findTarget, type Target } from '../target.ts';
import { jsonFlag, look, printJson } from './flags.ts';

type Flags = {
  /** Milliseconds; true where it is given without a value. */
  interval?: number | true;
  dryRun?: boolean;
  adoptOrphans?: boolean;
  confirm?: string;
  json?: boolean;
};

export function gcCommand(program: Command): void {
  program
    .command('gc')
    .description('sweeps away what deleted bots left, and what is too old; once, or again and again')
    .option(
      '--interval [duration]',
      'go on, with this time between sweeps, such as 5m (GC_INTERVAL); 0 or unset: one sweep',
      duration,
    )
    .option('--dry-run', 'only tell what would go, and why')
    .option(
      '--adopt-orphans',
      'take along what belongs to nobody that is known; needs --dry-run or --confirm',
    )
    .option(
      '--confirm <code>',
      'what the dry run of this code showed may go, whatever share of all bots it is',
    )
    .addOption(jsonFlag())
    .action(async (_flags: object, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const target = findTarget(flags);
      const everyMs = flags.interval === true ? target.settings.GC_INTERVAL : (flags.interval ?? 0);
      if (everyMs === 0) return once(target, flags);
      const single = (['dryRun', 'adoptOrphans', 'confirm', 'json'] as const).find((name) => flags[name]);
      if (single !== undefined)
        throw new CliError(
          '--interval goes on by itself: what a person decides is for a single sweep',
          EXIT.usage,
        );
      return forEver(target, everyMs);
    });
}

async function once(target: Target, flags: Flags): Promise<void> {
  const [{ sweepOnce }, { gcText, howToGoOn }] = await Promise.all([
    import('../gc/sweep-once.ts'),
    import('../gc/table.ts'),
  ]);
  const report = await sweepOnce(target, {
    dryRun: flags.dryRun === true,
    adoptOrphans: flags.adoptOrphans === true,
    ...(flags.confirm === undefined ? {} : { confirm: flags.confirm }),
    ...(process.stderr.isTTY ? { onProgress: showProgress } : {}),
  });
  if (flags.json === true) printJson(report);
  else console.log(gcText(report, look()));
  const { stopped, problems } = report.storage;
  if (report.dryRun) return;
  if (stopped !== undefined) throw new CliError([stopped, howToGoOn(report)].filter(Boolean).join('. '));
  if (problems.length + (report.engine?.problems.length ?? 0) > 0)
    throw new CliError('It was not all swept; the next sweep goes on');
}

async function forEver(target: Target, everyMs: number): Promise<void> {
  // Loaded only now, so that the other commands answer sooner.
  const [{ runRole }, { startGc }] = await Promise.all([import('../run-role.ts'), import('../roles/gc.ts')]);
  const { settings, environment } = target;
  await runRole(
    {
      service: 'gc',
      settings,
      environment,
      healthPort: settings.GC_HEALTH_PORT,
      healthPortSetting: 'GC_HEALTH_PORT',
    },
    (context) => startGc(context, { everyMs }),
  );
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 5m or 90s.');
  return ms;
}

/** On a line of its own that the next one takes the place of. */
const showProgress = (text: string): void => void process.stderr.write(`\r\u001b[K${text}\r`);
