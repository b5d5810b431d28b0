import { Option, type Command } from 'commander';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Api } from '../client/api.ts';
import { backfillView, type BackfillView } from '../client/views/backfill-view.ts';
import { withApi } from '../client/with-api.ts';
import { CliError, EXIT } from '../errors.ts';
import { backfillTable } from '../schedules/backfill-table.ts';
import { asClient, type ApiFlags } from './api-command.ts';
import { look, moment, printJson, type Moment } from './flags.ts';
import { IdArgument } from './id-argument.ts';

type Flags = ApiFlags & { from: Moment; to: Moment; why?: string; key?: string; yes?: boolean };
type Span = { from: Date; to: Date };

export function backfillCommand(program: Command): void {
  asClient(program.command('backfill'))
    .description(
      'make up for times that were missed, skipped or failed; shows what it would do, unless --yes',
    )
    .addArgument(new IdArgument('<schedule-id>', 'schedule'))
    .requiredOption('--from <time>', 'first nominal time, such as 2026-11-24T10:00:00Z', moment)
    .requiredOption('--to <time>', 'last nominal time, or now', moment)
    .addOption(new Option('--reason, --why <text>', 'the reason, kept with each run; needed with --yes'))
    .option('--key <key>', 'with the same key again it is not done twice (idempotency key)')
    .option('--yes', 'do it')
    .action(backfill);
}

async function backfill(schedule: string, _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  const { why: reason, key: idempotencyKey = '', json = false } = flags;
  const dryRun = flags.yes !== true;
  if (!dryRun && reason === undefined)
    throw new CliError('--why is needed with --yes: the reason is kept with each run', EXIT.usage);
  const { span, view, notQueued, begun } = await withApi(flags, async (api) => {
    const asked = await spanOf(flags, api);
    const answer = await api.runs.backfill({
      schedule,
      from: timestampFromDate(asked.from),
      to: timestampFromDate(asked.to),
      dryRun,
      ...(dryRun ? {} : { change: { reason: reason ?? '', idempotencyKey } }),
    });
    const { notQueued, begun } = answer;
    return { span: asked, view: backfillView(schedule, answer, dryRun), notQueued, begun };
  });
  if (json) return printJson(view);
  console.log(`${backfillTable(view, look())}\n${dryRun ? howTo(view, span) : said(schedule, begun)}`);
  if (notQueued !== '') console.error(`${notQueued}. All is on record; a bot-scheduler queues it soon.`);
}

/** Now is the installation's: this terminal's clock may be wrong. */
async function spanOf({ from, to }: Pick<Flags, 'from' | 'to'>, api: Api): Promise<Span> {
  if (from !== 'now' && to !== 'now') return { from, to };
  const { stats } = await api.installation.getStats({});
  const now = stats?.now === undefined ? new Date() : timestampDate(stats.now);
  return { from: from === 'now' ? now : from, to: to === 'now' ? now : to };
}

function howTo({ schedule, times, overlap }: BackfillView, { from, to }: Span): string {
  const runs = times.filter(({ action }) => action !== 'left').length;
  if (runs === 0) return '\nThere is nothing to do.';
  const meanwhile =
    overlap === 'forbid'
      ? '\nThey run one after the other, and what ticks meanwhile is skipped (overlap: forbid).'
      : '';
  return `\nNothing was done. To run these ${runs}: npx the0-runtime backfill ${schedule} --from ${from.toISOString()} --to ${to.toISOString()} --why TEXT --yes${meanwhile}`;
}

const said = (schedule: string, begun: readonly string[]): string =>
  begun.length === 0
    ? '\nThere was nothing to do.'
    : `\n${begun.length} runs are in line. See: npx the0-runtime runs ${schedule}`;
