import { Option, type Command } from 'commander';
import type { BotView } from '../../producers/control/bots/view.ts';
import { BotOrder, type Bot } from '../../proto/gen/the0/runtime/v1/bots_pb.js';
import { botDetails, botsTable } from '../bots/table.ts';
import type { Api } from '../client/api.ts';
import { allOf } from '../client/pages.ts';
import { botView } from '../client/views/bot-view.ts';
import { withApi } from '../client/with-api.ts';
import { changeOf, changing, group, listOf, type ApiFlags, type ChangeFlags } from './api-command.ts';
import { filtering, filterOf, isUnfiltered, type FilterFlags } from './bots-filter.ts';
import { printJson, wholeNumber } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type ListFlags = WatchFlags & FilterFlags & { sort: keyof typeof ORDERS; limit?: number };

const ORDERS = {
  trouble: BotOrder.UNSPECIFIED,
  id: BotOrder.ID,
  name: BotOrder.NAME,
  since: BotOrder.SINCE,
  restarts: BotOrder.RESTARTS,
} as const;

const MOST = 1_000_000;

export function botsCommand(program: Command): void {
  const bots = group(program, 'bots', 'list the realtime bots, trouble first; steer them');
  filtering(listOf(bots, 'list them, trouble first'))
    .addOption(new Option('--sort <order>', 'their order').choices(Object.keys(ORDERS)).default('trouble'))
    .option('--limit <bots>', 'how many at most', wholeNumber(1, MOST))
    .addOption(watchFlag())
    .action(list);
  bots
    .command('show')
    .description('everything about one bot')
    .addArgument(new IdArgument('<id>', 'bot'))
    .addOption(watchFlag())
    .action(async (id: string, _flags: WatchFlags, command: Command) => {
      const read = async (api: Api): Promise<BotView> => viewOf((await api.bots.getBot({ id })).bot);
      await show(command.optsWithGlobals<WatchFlags>(), read, botDetails);
    });
  for (const [name, { description, ask }] of Object.entries(WISHES))
    changing(bots.command(name).description(description))
      .addArgument(new IdArgument('<id>', 'bot'))
      .action(async (id: string, _flags: ChangeFlags, command: Command) =>
        wish(id, command.optsWithGlobals<ChangeFlags>(), ask),
      );
}

async function list(_flags: ListFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ListFlags>();
  const filter = filterOf(flags);
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const { bots, nextToken } = await api.bots.listBots({ filter, order: ORDERS[flags.sort], page });
        return { items: bots, nextToken };
      }, flags.limit);
      return found.map(botView);
    },
    (views, look) =>
      views.length > 0
        ? botsTable(views, look)
        : isUnfiltered(filter)
          ? 'There are no bots. Deploy one: npx the0-runtime deploy FOLDER'
          : 'There are no such bots.',
  );
}

type Wished = { bot?: Bot | undefined; changed: boolean; outcome: string };
type Asked = { id: string; change: ReturnType<typeof changeOf> };

const WISHES: Readonly<
  Record<string, { description: string; ask: (api: Api, of: Asked) => Promise<Wished> }>
> = {
  start: {
    description: 'lift a hold, and try at once a bot that failed or waits; its owner’s wish still counts',
    ask: (api, of) => api.bots.startBot(of),
  },
  stop: {
    description: 'hold a bot and stop it; until it is started again, whatever its owner wants',
    ask: (api, of) => api.bots.stopBot(of),
  },
  restart: {
    description: 'stop a bot in order and start it anew, once. Of many: rollouts start',
    ask: (api, of) => api.bots.restartBot(of),
  },
  hold: { description: 'the same as stop', ask: (api, of) => api.bots.holdBot(of) },
  release: { description: 'lift a hold', ask: (api, of) => api.bots.releaseBot(of) },
};

async function wish(
  id: string,
  flags: ChangeFlags & ApiFlags,
  ask: (api: Api, of: Asked) => Promise<Wished>,
): Promise<void> {
  const { bot, changed, outcome } = await withApi(flags, (api) => ask(api, { id, change: changeOf(flags) }));
  if (flags.json === true) printJson({ id, changed, outcome, bot: viewOf(bot) });
  else console.log(`${id}: ${outcome}`);
}

/** It is always there: else the call would have failed. */
function viewOf(bot: Bot | undefined): BotView {
  if (bot === undefined) throw new Error('The API has answered without a bot');
  return botView(bot);
}
