import type { Command } from 'commander';
import type { Api } from '../client/api.ts';
import { rolloutView, type RolloutView } from '../client/views/bot-view.ts';
import { withApi } from '../client/with-api.ts';
import { CliError, EXIT } from '../errors.ts';
import { rolloutText, rolloutsTable } from '../bots/rollouts-table.ts';
import { changeOf, changing, group, listOf, type ChangeFlags } from './api-command.ts';
import { filtering, filterOf, isUnfiltered, type FilterFlags } from './bots-filter.ts';
import { printJson, wholeNumber } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type StartFlags = ChangeFlags & FilterFlags & { all?: boolean; atOnce: number };

const SHOWN = 20;

export function rolloutsCommand(program: Command): void {
  const rollouts = group(
    program,
    'rollouts',
    'restarts of many bots, some at a time: how a changed setting or image reaches running bots',
  );
  listOf(rollouts, 'list them, the newest first')
    .option('--limit <rollouts>', 'how many', wholeNumber(1, 1_000), SHOWN)
    .addOption(watchFlag())
    .action(list);
  rollouts
    .command('show')
    .description('how far one is, and what does not run since')
    .addArgument(new IdArgument('<id>', 'rollout'))
    .addOption(watchFlag())
    .action(async (id: string, _flags: WatchFlags, command: Command) => {
      const read = async (api: Api): Promise<RolloutView> =>
        viewOf((await api.bots.getRollout({ id })).rollout);
      await show(command.optsWithGlobals<WatchFlags>(), read, rolloutText);
    });
  filtering(
    changing(
      rollouts
        .command('start')
        .description('restart all that match and are to run; stops at the first that does not run any more'),
    ),
  )
    .option('--all', 'all bots')
    .option('--at-once <bots>', 'how many at a time', wholeNumber(1, 100), 1)
    .action(start);
  changing(
    rollouts.command('stop').description('no more bots are restarted by it; those that are at it finish'),
  )
    .addArgument(new IdArgument('<id>', 'rollout'))
    .action(stop);
}

async function list(_flags: WatchFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<WatchFlags & { limit: number }>();
  await show(
    flags,
    async (api) => (await api.bots.listRollouts({ page: { size: flags.limit } })).rollouts.map(rolloutView),
    (views, look) => (views.length === 0 ? 'There was no roll-out yet.' : rolloutsTable(views, look)),
  );
}

async function start(_flags: StartFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<StartFlags>();
  const filter = filterOf(flags);
  const isAll = isUnfiltered(filter);
  if (isAll !== (flags.all === true))
    throw new CliError(
      isAll
        ? 'Say which: --phase, --text, --runtime or --held narrow it, --all means all bots'
        : '--all goes with nothing that narrows it',
      EXIT.usage,
    );
  const { bots, rolloutId, outcome } = await withApi(flags, (api) =>
    api.bots.restartBots({ filter, atOnce: flags.atOnce, change: changeOf(flags) }),
  );
  if (flags.json === true) return printJson({ bots, rollout: rolloutId === '' ? null : rolloutId, outcome });
  console.log(outcome);
  if (rolloutId !== '') console.log(`Follow it: npx the0-runtime rollouts show ${rolloutId} -w`);
}

async function stop(id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { rollout, changed, outcome } = await withApi(flags, (api) =>
    api.bots.stopRollout({ id, change: changeOf(flags) }),
  );
  if (flags.json === true) printJson({ id, changed, outcome, rollout: viewOf(rollout) });
  else console.log(`${id}: ${outcome}`);
}

/** It is always there: else the call would have failed. */
function viewOf(rollout: Parameters<typeof rolloutView>[0] | undefined): RolloutView {
  if (rollout === undefined) throw new Error('The API has answered without a roll-out');
  return rolloutView(rollout);
}
