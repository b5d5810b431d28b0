import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { backfillCommand } from './commands/backfill.ts';
import { botRunnerCommand } from './commands/bot-runner.ts';
import { botSchedulerCommand } from './commands/bot-scheduler.ts';
import { botsCommand } from './commands/bots.ts';
import { completionCommand } from './commands/completion.ts';
import { controllerCommand } from './commands/controller.ts';
import { deployCommand } from './commands/deploy.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventsCommand } from './commands/events.ts';
import { explainCommand } from './commands/explain.ts';
import { gcCommand } from './commands/gc.ts';
import { installationCommand } from './commands/installation.ts';
import { logsCommand } from './commands/logs.ts';
import { egressCommand, networkCommand } from './commands/network.ts';
import { notificationsCommand } from './commands/notifications.ts';
import { processorCommand } from './commands/processor.ts';
import { retiredCommands } from './commands/retired.ts';
import { queryCommand } from './commands/query.ts';
import { queuesCommand } from './commands/queues.ts';
import { rolloutsCommand } from './commands/rollouts.ts';
import { queryServerCommand } from './commands/query-server.ts';
import { runNowCommand } from './commands/run-now.ts';
import { runsCommand } from './commands/runs.ts';
import { schedulesCommand } from './commands/schedules.ts';
import { settingsCommand } from './commands/settings.ts';
import { stateCommand } from './commands/state.ts';
import { statsCommand } from './commands/stats.ts';
import { tokensCommand } from './commands/tokens.ts';
import { topCommand } from './commands/top.ts';
import { undeployCommand } from './commands/undeploy.ts';
import { upCommand } from './commands/up.ts';
import { versionCommand } from './commands/version.ts';
import { whoAmICommand } from './commands/whoami.ts';
import { EXIT, explainFailure, type ExitCode } from './errors.ts';
import { productVersion } from './paths.ts';

export function buildProgram(): Command {
  const program = new Command('the0-runtime')
    .description(
      'Runs other people’s trading bots: platform events become running, isolated, observed containers.',
    )
    .version(productVersion(), '-v, --version', 'print the version')
    .option('--mongo-uri <url>', 'MongoDB (MONGO_URI)')
    .option('--nats-url <url>', 'NATS (NATS_URL)')
    .option('--redis-url <url>', 'Redis or Valkey (REDIS_URL)')
    .option('--log-level <level>', 'debug, info, warn or error (LOG_LEVEL)')
    .exitOverride()
    .showHelpAfterError('Run with --help to see what there is.');
  const commands = [
    upCommand,
    deployCommand,
    undeployCommand,
    botsCommand,
    rolloutsCommand,
    explainCommand,
    logsCommand,
    eventsCommand,
    queryCommand,
    schedulesCommand,
    runsCommand,
    runNowCommand,
    backfillCommand,
    stateCommand,
    queuesCommand,
    statsCommand,
    topCommand,
    auditCommand,
    whoAmICommand,
    botRunnerCommand,
    botSchedulerCommand,
    processorCommand,
    queryServerCommand,
    controllerCommand,
    tokensCommand,
    notificationsCommand,
    doctorCommand,
    gcCommand,
    networkCommand,
    egressCommand,
    installationCommand,
    settingsCommand,
    completionCommand,
    versionCommand,
    retiredCommands,
  ];
  for (const add of commands) add(program);
  for (const command of program.commands) inherit(program, command);
  return program;
}

/** The reference took its global flags on either side of the command’s name. */
function inherit(parent: Command, command: Command): void {
  const known = new Set(command.options.map((option) => option.long));
  for (const option of parent.options)
    if (option.long !== '--version' && !known.has(option.long)) command.addOption(option);
  for (const child of command.commands) inherit(command, child);
}

/**
 * Runs one command line. Resolves with the exit code when the command is done, and with undefined when it has started
 * something that lives on until a signal.
 */
export async function run(argv: readonly string[]): Promise<ExitCode | undefined> {
  try {
    await buildProgram().parseAsync([...argv], { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed its message, the suggestion for a mistyped word included.
      return error.exitCode === 0 || error.code === 'commander.help' ? EXIT.ok : EXIT.usage;
    }
    const { message, exitCode } = explainFailure(error);
    console.error(`${process.stderr.isTTY ? '✖ ' : 'error: '}${message}`);
    if (isDebug(argv) && error instanceof Error) console.error(error.stack);
    return exitCode;
  }
}

function isDebug(argv: readonly string[]): boolean {
  const flag = argv.indexOf('--log-level');
  return /^(debug|trace)$/i.test((flag === -1 ? process.env['LOG_LEVEL'] : argv[flag + 1]) ?? '');
}
