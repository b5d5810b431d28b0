import { Code, ConnectError } from '@connectrpc/connect';
import type { Command } from 'commander';
import type { Api } from '../client/api.ts';
import { explanationView, type ExplanationView } from '../client/views/explanation-view.ts';
import { readRun } from '../client/views/run-view.ts';
import { explainRun } from '../explain/run.ts';
import { explanationText } from '../explain/text.ts';
import { asClient } from './api-command.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';
import { IdArgument } from './id-argument.ts';

export function explainCommand(program: Command): void {
  asClient(program.command('explain'))
    .description('why a bot, schedule or run is as it is, what happens next, and what to do')
    .addArgument(new IdArgument('<id>', 'any'))
    .addOption(watchFlag())
    .action(async (id: string, _flags: WatchFlags, command: Command) => {
      await show(command.optsWithGlobals<WatchFlags>(), (api) => explain(api, id), explanationText);
    });
}

async function explain(api: Api, id: string): Promise<ExplanationView> {
  try {
    const { explanation } = await api.bots.explainBot({ id });
    return explanationView(id, explanation);
  } catch (error) {
    // A run’s id names its schedule, and no bot’s does.
    if (!id.includes('@') || ConnectError.from(error).code !== Code.NotFound) throw error;
    return explainRunOf(api, id);
  }
}

/** A run that is not over waits for its schedule's other runs, or for whoever runs them: the schedule's chain tells. */
async function explainRunOf(api: Api, id: string): Promise<ExplanationView> {
  const run = await readRun(api, id);
  const schedule =
    run.ended === null
      ? await api.schedules.explainSchedule({ id: run.schedule }).then(
          ({ explanation }) => explanationView(run.schedule, explanation),
          () => undefined,
        )
      : undefined;
  return explainRun(run, schedule);
}
