import { Option, type Command } from 'commander';
import { MAX_PREVIEW, preview, type Preview } from '../../producers/control/preview.ts';
import { schedulePhases } from '../../producers/control/api/schedule-messages.ts';
import { VIEW_PHASES, type ViewPhase } from '../../producers/control/schedule-list/view.ts';
import { ScheduleOrder } from '../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { scheduleOperator } from '../../infra/config/schedule-operator.ts';
import { allOf } from '../client/pages.ts';
import { previewView, readSchedule, scheduleView } from '../client/views/schedule-view.ts';
import { runView } from '../client/views/run-view.ts';
import { isElsewhere, withApi } from '../client/with-api.ts';
import { CliError, EXIT } from '../errors.ts';
import { runsTable } from '../runs/table.ts';
import { previewTable, scheduleDetails, schedulesTable } from '../schedules/table.ts';
import { timingOfFlags } from '../schedules/timing-of-flags.ts';
import { findTarget } from '../target.ts';
import {
  changeOf,
  changing,
  changingAnyhow,
  group,
  listOf,
  type ApiFlags,
  type ChangeFlags,
} from './api-command.ts';
import { look, printJson, wholeNumber, wordsFlag } from './flags.ts';
import { IdArgument } from './id-argument.ts';
import { show, watchFlag, type WatchFlags } from './watching.ts';

type FilterFlags = { phase?: ViewPhase[]; text?: string; failing?: boolean };
type ListFlags = WatchFlags & FilterFlags & { sort: keyof typeof ORDERS; limit?: number };
type PreviewFlags = ApiFlags & { count: number; cron?: string; zone?: string };

const ORDERS = {
  trouble: ScheduleOrder.UNSPECIFIED,
  id: ScheduleOrder.ID,
  name: ScheduleOrder.NAME,
  next: ScheduleOrder.NEXT,
} as const;

const RUNS_SHOWN = 10;
const MOST = 1_000_000;

export function schedulesCommand(program: Command): void {
  const schedules = group(program, 'schedules', 'list the schedules, trouble first; steer them');
  listOf(schedules, 'list them, trouble first')
    .addOption(wordsFlag('--phase <phases>', 'in these phases', 'phase', VIEW_PHASES))
    .option('--text <part>', 'part of an id, name or version')
    .option('--failing', 'only those whose last runs failed')
    .addOption(new Option('--sort <order>', 'their order').choices(Object.keys(ORDERS)).default('trouble'))
    .option('--limit <schedules>', 'how many at most', wholeNumber(1, MOST))
    .addOption(watchFlag())
    .action(list);
  schedules
    .command('show')
    .description('everything about one schedule, and its latest runs')
    .addArgument(new IdArgument('<id>', 'schedule'))
    .addOption(watchFlag())
    .action(showOne);
  schedules
    .command('preview')
    .description('the next times of a schedule, or of a cron text, in its zone and in UTC')
    .addArgument(new IdArgument('[id]', 'schedule'))
    .option('--count <times>', 'how many', wholeNumber(1, MAX_PREVIEW), 10)
    .option('--cron <text>', 'a cron text instead of a schedule, such as "30 9 * * MON-FRI"')
    .option('--zone <zone>', 'its IANA zone (SCHEDULE_TIMEZONE)')
    .action(showPreview);
  changing(
    schedules
      .command('pause')
      .description('hold a schedule: it does not tick, whatever its owner wants; a run that is on goes on'),
  )
    .addArgument(new IdArgument('<id>', 'schedule'))
    .option('--cancel', 'also cancel its runs that are not over')
    .action(pause);
  changingAnyhow(schedules.command('resume').description('end a pause; it goes on with its next time'))
    .addArgument(new IdArgument('<id>', 'schedule'))
    .action(resume);
}

async function list(_flags: ListFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ListFlags>();
  const { phase = [], text = '', failing = false, sort, limit } = flags;
  const filter = { phases: phase.map(schedulePhases.value), text, failing };
  const isAll = phase.length === 0 && text === '' && !failing;
  await show(
    flags,
    async (api) => {
      const found = await allOf(async (page) => {
        const answer = await api.schedules.listSchedules({ filter, order: ORDERS[sort], page });
        return { items: answer.schedules, nextToken: answer.nextToken };
      }, limit);
      return found.map(scheduleView);
    },
    (views, how) =>
      views.length > 0
        ? schedulesTable(views, how)
        : isAll
          ? 'There are no schedules. Deploy one: npx the0-runtime deploy FOLDER'
          : 'There are no such schedules.',
  );
}

async function showOne(id: string, _flags: WatchFlags, command: Command): Promise<void> {
  await show(
    command.optsWithGlobals<WatchFlags>(),
    async (api) => {
      const view = await readSchedule(api, id);
      const { runs } = await api.runs.listRuns({ schedule: id, page: { size: RUNS_SHOWN } });
      return { ...view, runs: runs.map(runView) };
    },
    ({ runs, ...view }, how) =>
      `${scheduleDetails(view, how)}\n${runs.length === 0 ? '\nIt has not run yet.' : `\n${runsTable(runs, how)}`}`,
  );
}

async function showPreview(id: string | undefined, _flags: PreviewFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<PreviewFlags>();
  const found = await findPreview(id, flags);
  if (flags.json === true) printJson(found);
  else console.log(previewTable(found, look()));
}

async function findPreview(id: string | undefined, flags: PreviewFlags): Promise<Preview> {
  const { count, cron, zone } = flags;
  if ((id === undefined) === (cron === undefined))
    throw new CliError(
      'Name a schedule by its id, or give a cron text: npx the0-runtime schedules preview --cron "*/5 * * * *"',
      EXIT.usage,
    );
  if (id !== undefined && zone !== undefined)
    throw new CliError('--zone goes with --cron: a schedule has its own zone', EXIT.usage);
  // A text needs no servers, unless it is one elsewhere that is asked.
  if (cron !== undefined && !isElsewhere(flags))
    return preview(timingOfFlags({ cron, zone }, scheduleOperator(findTarget(flags).settings)), {
      count,
      fromMs: Date.now(),
    });
  return withApi(flags, async (api) =>
    previewView(
      await api.schedules.previewSchedule({
        count,
        of:
          cron === undefined
            ? { case: 'id', value: id ?? '' }
            : { case: 'cron', value: { text: cron, zone: zone ?? '' } },
      }),
    ),
  );
}

async function pause(id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags & { cancel?: boolean }>();
  const cancelRuns = flags.cancel === true;
  const { changed, hold, cancelled } = await withApi(flags, (api) =>
    api.schedules.pauseSchedule({ id, change: changeOf(flags), cancelRuns }),
  );
  const { who, why } = hold ?? { who: '', why: '' };
  if (flags.json === true) return printJson({ id, paused: true, changed, who, why, cancelled });
  const runs = !cancelRuns
    ? 'a run that is on goes on'
    : cancelled.length === 0
      ? 'no run was on'
      : `cancelled: ${cancelled.join(', ')}`;
  console.log(
    changed
      ? `paused ${id}; ${runs}. Resume it: npx the0-runtime schedules resume ${id}`
      : `${id} is paused already, by ${who}: ${why}${cancelRuns ? `; ${runs}` : ''}`,
  );
}

async function resume(id: string, _flags: ChangeFlags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<ChangeFlags>();
  const { changed } = await withApi(flags, (api) =>
    api.schedules.resumeSchedule({ id, change: changeOf(flags) }),
  );
  if (flags.json === true) return printJson({ id, paused: false, changed });
  console.log(
    changed
      ? `resumed ${id}; it goes on with its next time. What it missed: npx the0-runtime backfill ${id} --from TIME --to TIME`
      : `${id} was not paused`,
  );
}
