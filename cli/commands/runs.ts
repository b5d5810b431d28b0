import type { Command } from 'commander';
import { RUN_STATES, type RunState } from '../../model/runs.ts';
import { runStates } from '../../producers/control/api/run-messages.ts';
import { allOf } from '../client/pages.ts';
import { spanOf, type SpanFlags } from '../client/span.ts';
import { readRun, runView } from '../client/views/run-view.ts';
import { withApi } from '../client/with-api.ts';
import { CliError } from '../errors.ts';
import { runsTable, runText } from '../runs/table.ts';
import { changeOf, changing, group, listOf, type ChangeFlags } from './api-command.ts';
import { moment, printJson, wholeNumber, wordsFlag } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type ListFlags = WatchFlags & { state?: RunState[]; limit: number } & SpanFlags;

const MOST = 10_000;

export function runsCommand(program: Command): void {
  const runs = group(program, 'runs', 'list the latest runs of schedules; cancel one');
  listOf(runs, 'list them, the latest first', new IdArgument('[schedule-id]', 'schedule'))
    .addOption(wordsFlag('--state <states>', 'in these states', 'state', RUN_STATES))
    .option('--from <time>', 'nominal times from this on, such as 2026-11-24T10:00:00Z', moment)
    .option('--to <time>', 'nominal times before this', moment)
    .option('--limit <runs>', 'how many, the latest first', wholeNumber(1, MOST), 20)
    .addOption(watchFlag())
    .action(list);
  runs
    .command('show')
    .description('everything about one run')
    .addArgument(new IdArgument('<run-id>', 'run'))
    .addOption(watchFlag())
    .action(async (id: string, _flags: WatchFlags, command: Command) => {
      await show(command.optsWithGlobals<WatchFlags>(), (api) => readRun(api, id), runText);
    });
  changing(
    runs.command('cancel').description('end a run: one that waits never starts, one that runs is stopped'),
  )
    .addArgument(new IdArgument('<run-id>', 'run'))
    .action(cancel);
}

async function list(scheduleId: string | undefined, _flags: ListFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ListFlags>();
  const { state, limit } = flags;
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const { runs, nextToken } = await api.runs.listRuns({
          schedule: scheduleId ?? '',
          states: (state ?? []).map(runStates.value),
          ...spanOf(flags),
          page,
        });
        return { items: runs, nextToken };
      }, limit);
      return found.map(runView);
    },
    (views, look) =>
      views.length > 0
        ? runsTable(views, look)
        : state === undefined
          ? 'Nothing has run yet.'
          : `There are no such runs (${state.join(', ')}).`,
  );
}

async function cancel(id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { outcome, notQueued, ...answer } = await withApi(flags, (api) =>
    api.runs.cancelRun({ id, change: changeOf(flags) }),
  );
  if (answer.run === undefined) throw new Error('The API has answered without a run');
  const run = runView(answer.run);
  if (outcome === 'over') throw new CliError(`${id} is over already (${run.state}): ${run.reason}`);
  if (flags.json === true) return printJson({ outcome, run });
  if (notQueued !== '') console.error(`${notQueued}. It is on record; a bot-scheduler sees to it soon.`);
  if (outcome === 'ended') return console.log(`${id} is cancelled: it had not started`);
  console.log(
    outcome === 'asked'
      ? `${id} is asked to end. See: npx the0-runtime runs show ${id}`
      : `${id} was asked to end before, by ${run.cancel?.who ?? 'somebody'}: ${run.cancel?.why ?? ''}`,
  );
}
