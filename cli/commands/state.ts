import type { Command } from 'commander';
import type { Api } from '../client/api.ts';
import { allOf } from '../client/pages.ts';
import { withApi } from '../client/with-api.ts';
import { printable, type Look } from '../show/table.ts';
import { statesTable, stateText } from '../state/table.ts';
import { stateSummaryView, stateView, type StateSummaryView, type StateView } from '../state/view.ts';
import { changeOf, changingAnyhow, group, type ApiFlags, type ChangeFlags } from './api-command.ts';
import { printJson, wholeNumber } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show } from './watching.ts';

/** Whatever S3 does, a person is told by then. */
const PATIENCE_MS = 120_000;

export function stateCommand(program: Command): void {
  const state = group(program, 'state', 'what a bot keeps in /state, as it lies in object storage');
  state
    .command('list')
    .description(
      'its archive, the keys in it, what is not saved, and earlier archives; without an id, of all',
    )
    .addArgument(new IdArgument('[id]', 'bot-or-schedule'))
    .action(list);
  state
    .command('show')
    .description('the value of one key')
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .argument('<key>', 'a key of the SDK’s state')
    .action(showKey);
  changingAnyhow(state.command('save').description('save it now'))
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .option('--timeout <seconds>', 'how long to wait', wholeNumber(1, 3600), 60)
    .action(async (id: string, _flags: ChangeFlags, command: Command) => {
      const { timeout } = command.optsWithGlobals<{ timeout: number }>();
      await changed(command, (api, change) =>
        api.state.saveState({ id, change }, { timeoutMs: timeout * 1_000 }).then(({ outcome }) => ({
          outcome: `${id}: ${outcome}`,
        })),
      );
    });
  changingAnyhow(
    state
      .command('restore')
      .description('put an earlier archive back; the present one is kept, unless STATE_KEEP_ARCHIVES is 0'),
  )
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .argument('[name]', 'as `state list` names it; unset: the newest of them')
    .action(async (id: string, archive: string | undefined, _flags: ChangeFlags, command: Command) =>
      changed(command, (api, change) =>
        api.state.restoreState({ id, archive: archive ?? '', change }, patience),
      ),
    );
  changingAnyhow(
    state
      .command('delete')
      .description(
        'delete one key, or without a key all of it, what was never saved too; what was saved is kept among the earlier archives, unless STATE_KEEP_ARCHIVES is 0',
      ),
  )
    .addArgument(new IdArgument('<id>', 'bot-or-schedule'))
    .argument('[key]', 'a key of the SDK’s state')
    .action(async (id: string, key: string | undefined, _flags: ChangeFlags, command: Command) =>
      changed(command, (api, change) => api.state.deleteState({ id, key: key ?? '', change }, patience)),
    );
}

const patience = { timeoutMs: PATIENCE_MS };

async function list(id: string | undefined, _flags: ApiFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ApiFlags>();
  if (id === undefined)
    return show(
      flags,
      async (api): Promise<StateSummaryView[]> => {
        const states = await allOf(async (page) => {
          const answer = await api.state.listStates({ page });
          return { items: answer.states, nextToken: answer.nextToken };
        });
        return states.map(stateSummaryView);
      },
      (states, look) => (states.length === 0 ? 'No bot has kept anything yet.' : statesTable(states, look)),
    );
  await show(
    flags,
    async (api): Promise<StateView> => {
      const { state } = await api.state.getState({ id }, patience);
      if (state === undefined) throw new Error('The API has answered without a state');
      return stateView(state);
    },
    (view: StateView, look: Look) => stateText(view, look),
  );
}

async function showKey(id: string, key: string, _flags: ApiFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ApiFlags>();
  const { value } = await withApi(flags, (api) => api.state.getStateValue({ id, key }, patience));
  if (flags.json === true) return printJson({ id, key, value });
  const shown = process.stdout.isTTY ? value.split('\n').map(printable).join('\n') : value;
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

async function changed(
  command: Command,
  ask: (api: Api, change: ReturnType<typeof changeOf>) => Promise<{ outcome: string }>,
): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { outcome } = await withApi(flags, (api) => ask(api, changeOf(flags)));
  if (flags.json === true) printJson({ outcome });
  else console.log(outcome);
}
