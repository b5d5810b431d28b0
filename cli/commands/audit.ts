import type { Command } from 'commander';
import { auditTable } from '../audit/table.ts';
import { auditView } from '../audit/view.ts';
import { allOf } from '../client/pages.ts';
import { spanOf, type SpanFlags } from '../client/span.ts';
import { asClient } from './api-command.ts';
import { moment, wholeNumber } from './flags.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type Flags = WatchFlags & SpanFlags & { target?: string; who?: string; what?: string; limit: number };

const SHOWN = 50;
const MOST = 100_000;

export function auditCommand(program: Command): void {
  asClient(program.command('audit'))
    .description('what people and programs did by the API, or were refused, the newest first')
    .option('--target <id>', 'of this bot, schedule, run or token')
    .option('--who <name>', 'by this token, or ann@desk of a command line')
    .option('--what <procedure>', 'such as BotService/StopBot')
    .option('--from <time>', 'from this on, such as 2026-11-24T10:00:00Z', moment)
    .option('--to <time>', 'before this', moment)
    .option('--limit <entries>', 'how many', wholeNumber(1, MOST), SHOWN)
    .addOption(watchFlag())
    .action(audit);
}

async function audit(_flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const { target = '', who = '', what = '', limit } = flags;
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const answer = await api.events.listAudit({ target, who, what, ...spanOf(flags), page });
        return { items: answer.entries, nextToken: answer.nextToken };
      }, limit);
      return found.map(auditView);
    },
    (views, look) => (views.length === 0 ? 'Nothing of that is on record.' : auditTable(views, look)),
  );
}
