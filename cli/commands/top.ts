import { Option, type Command } from 'commander';
import { UsageKind, UsageOrder } from '../../proto/gen/the0/runtime/v1/usage_pb.js';
import { topTable } from '../usage/table.ts';
import { topView } from '../usage/view.ts';
import { asClient } from './api-command.ts';
import { wholeNumber } from './flags.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type Flags = WatchFlags & { sort: keyof typeof ORDERS; kind?: keyof typeof KINDS; limit: number };

const ORDERS = {
  cpu: UsageOrder.UNSPECIFIED,
  memory: UsageOrder.MEMORY,
  'memory-share': UsageOrder.MEMORY_SHARE,
} as const;
const KINDS = { bot: UsageKind.BOT, schedule: UsageKind.SCHEDULE } as const;

export function topCommand(program: Command): void {
  asClient(program.command('top'))
    .description('what bots and runs use now, those that use most first')
    .addOption(new Option('--sort <order>', 'their order').choices(Object.keys(ORDERS)).default('cpu'))
    .addOption(new Option('--kind <kind>', 'only these').choices(Object.keys(KINDS)))
    .option('--limit <rows>', 'how many at most', wholeNumber(1, 1000), 20)
    .addOption(watchFlag())
    .action(async (_flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      await show(
        flags,
        async (api) =>
          topView(
            await api.usage.listUsage({
              order: ORDERS[flags.sort],
              ...(flags.kind === undefined ? {} : { kind: KINDS[flags.kind] }),
              limit: flags.limit,
            }),
          ),
        topTable,
      );
    });
}
