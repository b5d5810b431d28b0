import { Option, type Command } from 'commander';
import { readBot, readBots } from '../bots/read.ts';
import { botDetails, botsTable, type Look } from '../bots/table.ts';
import { withMongo } from '../connections.ts';
import { CliError, EXIT } from '../errors.ts';
import { findTarget } from '../target.ts';

type Flags = { json?: boolean };

const json = (): Option => new Option('--json', 'as JSON');

export function botsCommand(program: Command): void {
  const bots = program.command('bots').description('list the bots, trouble first');
  bots.addOption(json()).action(async (_flags: Flags, command: Command) => {
    const flags = command.optsWithGlobals<Flags>();
    const views = await withMongo(findTarget(flags), readBots);
    if (flags.json === true) console.log(JSON.stringify(views, null, 2));
    else
      console.log(
        views.length === 0
          ? 'There are no bots. Deploy one: npx the0-runtime deploy FOLDER'
          : botsTable(views, look()),
      );
  });
  bots
    .command('show')
    .description('everything about one bot')
    .argument('<id>', 'the bot’s id')
    .addOption(json())
    .action(async (id: string, _flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const view = await withMongo(findTarget(flags), (all) => readBot(all, id));
      if (view === undefined)
        throw new CliError(
          `There is no bot ${JSON.stringify(id)}. See: npx the0-runtime bots`,
          EXIT.notFound,
        );
      console.log(flags.json === true ? JSON.stringify(view, null, 2) : botDetails(view, look()));
    });
}

function look(): Look {
  const { isTTY, columns } = process.stdout;
  return {
    nowMs: Date.now(),
    columns: isTTY ? columns : undefined,
    colour: isTTY && process.stdout.hasColors(),
  };
}
