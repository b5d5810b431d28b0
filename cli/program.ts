import { Command, CommanderError } from 'commander';
import { commandsFor, firstWord } from './command-list.ts';
import { EXIT, explainFailure, type ExitCode } from './errors.ts';
import { productVersion } from './paths.ts';

/** With all commands, or with those that this command line needs. */
export async function buildProgram(argv: readonly string[] = []): Promise<Command> {
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
  const valued = new Set(program.options.filter(({ required }) => required).map(({ long }) => long ?? ''));
  const wanted = commandsFor(firstWord(argv, valued));
  for (const add of await Promise.all(wanted.map(({ load }) => load()))) add(program);
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
    const program = await buildProgram(argv);
    await program.parseAsync([...argv], { from: 'user' });
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
