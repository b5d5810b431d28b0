import { Argument, type Command } from 'commander';
import type { EgressPlan } from '../../infra/engine/egress/index.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { CliError } from '../errors.ts';
import { findTarget } from '../target.ts';

const ACTIONS = ['check', 'install', 'remove'] as const;
/** A network has to be made the first time. */
const INSTALL_PATIENCE_MS = 30_000;

type Action = (typeof ACTIONS)[number];

export function egressCommand(program: Command): void {
  program
    .command('egress')
    .description('the rules that keep bots from this machine, private networks and the metadata address')
    .addArgument(
      new Argument('[action]', 'see whether they are in force, install or remove them')
        .choices(ACTIONS)
        .default('check'),
    )
    .action(async (action: Action, _flags: object, command: Command) => {
      const { settings } = findTarget(command.optsWithGlobals());
      if (process.getuid?.() !== 0)
        throw new CliError('Only root can see and change the rules of the bots’ network: run it as root');
      console.log(await DO[action](settings));
    });
}

const DO: Readonly<Record<Action, (settings: Settings) => Promise<string>>> = { check, install, remove };

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
        : 'The runtime installs them before it starts a bot; or now: npx the0-runtime egress install'),
  );
}

async function install(settings: Settings): Promise<string> {
  const [{ installEgress }, { egressPlan }, { openEngine }] = await Promise.all([
    import('../../infra/engine/egress/index.ts'),
    import('../roles/egress.ts'),
    import('../doctor/engine.ts'),
  ]);
  const engine = openEngine(settings, INSTALL_PATIENCE_MS);
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
