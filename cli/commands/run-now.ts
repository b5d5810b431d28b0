import type { Command } from 'commander';
import type { JsonObject } from '@bufbuild/protobuf';
import { isFinal } from '../../model/runs.ts';
import { readRun } from '../client/views/run-view.ts';
import { withApi } from '../client/with-api.ts';
import { CliError } from '../errors.ts';
import { readJsonObject } from '../json-file.ts';
import { runText } from '../runs/table.ts';
import { waitForRun } from '../runs/wait.ts';
import { asClient, changeOf, changingAnyhow, type ChangeFlags } from './api-command.ts';
import { look, printJson } from './flags.ts';
import { IdArgument } from './id-argument.ts';

type Flags = ChangeFlags & { config?: string; request?: string; wait?: boolean };

export function runNowCommand(program: Command): void {
  changingAnyhow(asClient(program.command('run-now')))
    .description('run a schedule once, now, beside its ticks and in line with its other runs')
    .addArgument(new IdArgument('<schedule-id>', 'schedule'))
    .option('--config <file>', 'parameters (JSON) that replace the schedule’s own for this run')
    .option('--request <id>', 'the same id again is the same run; unset: a new one')
    .option('--wait', 'wait for its end; fails unless it succeeds')
    .action(runNow);
}

async function runNow(schedule: string, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const { config, request = '', wait = false, json = false } = flags;
  const configOverride =
    config === undefined
      ? undefined
      : ((await readJsonObject(
          config,
          'must hold a JSON object with the parameters to replace',
        )) as JsonObject);
  // Where the same is printed for people and programs, what is said on the way goes to the other stream.
  const say = (line: string): void => (json ? console.error(line) : console.log(line));
  await withApi(flags, async (api) => {
    const { run, created, notQueued } = await api.runs.runNow({
      schedule,
      change: changeOf(flags),
      request,
      ...(configOverride === undefined ? {} : { configOverride }),
    });
    if (run === undefined) throw new Error('The API has answered without a run');
    const { id } = run;
    const asked = wait || json || !created ? await readRun(api, id) : undefined;
    say(created ? `asked for ${id}` : `${id} was asked for before; it is ${asked?.state ?? ''}`);
    if (notQueued !== '') console.error(`${notQueued}. It is on record; a bot-scheduler queues it soon.`);
    const ended = wait
      ? await waitForRun(() => readRun(api, id), {
          onState: ({ state, reason }) => say(`${state}: ${reason}`),
        })
      : asked;
    if (json) printJson({ created, run: ended });
    else if (wait && ended !== undefined) console.log(`\n${runText(ended, look())}`);
    else console.log(`Follow it: npx the0-runtime runs show ${id}`);
    if (wait && ended !== undefined && isFinal(ended.state) && ended.state !== 'succeeded')
      throw new CliError(`The run is ${ended.state}: ${ended.reason}`);
  });
}
