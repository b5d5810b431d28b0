import { Argument, type Command } from 'commander';
import type { EgressPlan } from '../../infra/engine/egress/index.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { CliError, EXIT } from '../errors.ts';
import { findTarget } from '../target.ts';

/** A network has to be made the first time. */
const SETUP_PATIENCE_MS = 30_000;

type Action = (settings: Settings) => Promise<string>;

export function networkCommand(program: Command): void {
  add(program, 'network', { check, setup, remove });
}

/** The same under its earlier name and words. */
export function egressCommand(program: Command): void {
  add(program, 'egress', { check, install: setup, remove }, { hidden: true });
}

function add<Word extends string>(
  program: Command,
  name: string,
  actions: Readonly<Record<Word | 'check', Action>>,
  options: { hidden?: boolean } = {},
): void {
  program
    .command(name, options)
    .description('the rules that keep bots from this machine, private networks and the metadata address')
    .addArgument(
      new Argument('[action]', 'see whether they are in force, put them in force, or take them away')
        .choices(Object.keys(actions))
        .default('check'),
    )
    .option('--keep', 'with setup: stay, ask no engine, and put them back whenever somebody takes them away')
    .option(
      '--sign <file>',
      'with --keep: a file for health checks, written at each look that finds them in force',
    )
    .action((word: Word, { keep, sign }: { keep?: boolean; sign?: string }, command: Command) => {
      if (keep !== true && sign !== undefined)
        throw new CliError('--sign goes with --keep alone', EXIT.usage);
      if (keep !== true) return act(actions[word], command);
      if (actions[word] !== setup) throw new CliError('--keep goes with setup alone', EXIT.usage);
      return act((settings) => keepUntilSignal(settings, sign), command);
    });
}

async function act(action: Action, command: Command): Promise<void> {
  const { settings } = findTarget(command.optsWithGlobals());
  if (process.getuid?.() !== 0)
    throw new CliError('Only root can see and change the rules of the bots’ network: run it as root');
  const said = await action(settings);
  if (said !== '') console.log(said);
}

async function keepUntilSignal(settings: Settings, sign: string | undefined): Promise<string> {
  const [{ keepRules, signAt }, { createLogger }] = await Promise.all([
    import('../network-keep.ts'),
    import('../../infra/logger.ts'),
  ]);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  // Nothing else keeps the process alive between two looks.
  const alive = setInterval(() => undefined, 60_000);
  try {
    await keepRules(settings, {
      log: createLogger({ level: settings.LOG_LEVEL, service: 'network' }),
      signal: stop.signal,
      ...(sign === undefined ? {} : { looked: signAt(sign) }),
    });
  } finally {
    clearInterval(alive);
  }
  return '';
}

async function check(settings: Settings): Promise<string> {
  const [{ checkEgress }, { bridgeName }, { egressPlanOn }] = await Promise.all([
    import('../../infra/engine/egress/index.ts'),
    import('../../infra/engine/names.ts'),
    import('../roles/egress.ts'),
  ]);
  const plan = await egressPlanOn(settings, bridgeName(settings.INSTALLATION));
  const state = await checkEgress(plan);
  if (state.filtered) return inForce(settings, plan);
  throw new CliError(
    `The egress rules of installation ${settings.INSTALLATION} are not in force: ${state.reason}. ` +
      (settings.EGRESS_FILTER === 'off'
        ? 'EGRESS_FILTER=off: the runtime leaves that to somebody else'
        : 'The runtime installs them before it starts a bot; or now: npx the0-runtime network setup'),
  );
}

async function setup(settings: Settings): Promise<string> {
  const [{ installEgress }, { egressPlan }, { openEngine }] = await Promise.all([
    import('../../infra/engine/egress/index.ts'),
    import('../roles/egress.ts'),
    import('../doctor/engine.ts'),
  ]);
  const engine = openEngine(settings, SETUP_PATIENCE_MS);
  await using _ = engine;
  const plan = await egressPlan(settings, engine);
  const state = await installEgress(plan);
  if (state.filtered) return inForce(settings, plan);
  throw new CliError(
    `The egress rules of installation ${settings.INSTALLATION} could not be installed: ${state.reason}`,
  );
}

async function remove(settings: Settings): Promise<string> {
  const { removeRules } = await import('../egress.ts');
  await removeRules(settings);
  return [
    `The egress rules of installation ${settings.INSTALLATION} are removed; its bots, those that run included, lose their filter.`,
    'They reach whatever this machine’s other rules let through: the internet, private networks, this machine itself, the metadata address 169.254.169.254.',
    settings.EGRESS_FILTER === 'off'
      ? 'EGRESS_FILTER=off: the runtime does not install them again.'
      : 'A runtime that runs installs them again before it starts the next bot, unless EGRESS_FILTER=off.',
  ].join('\n');
}

function inForce(settings: Settings, plan: EgressPlan): string {
  const allowed = settings.EGRESS_ALLOW.length === 0 ? 'nothing more' : settings.EGRESS_ALLOW.join(', ');
  return [
    `The egress rules of installation ${settings.INSTALLATION} are in force on ${plan.bridge}.`,
    `Bots reach the internet, DNS at this machine’s resolvers, and by EGRESS_ALLOW ${allowed};`,
    'they do not reach this machine, private networks and the metadata address 169.254.169.254.',
  ].join('\n');
}
