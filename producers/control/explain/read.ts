import type { Collections } from '../../../infra/mongo/collections.ts';
import type { BotDocument } from '../../../model/bots.ts';
import { POLICY_PATHS } from '../../../model/schedule-policy.ts';
import type { ScheduleDocument } from '../../../model/schedules.ts';
import type { JobFacts } from '../../../queues/job-facts.ts';
import { BOT_QUEUES, SCHEDULE_QUEUES } from '../../../queues/names.ts';
import { liveProcesses } from '../installation/processes.ts';
import type { QueueFacts, StoreFacts } from './facts.ts';

export type ExplainStores = Pick<
  Collections,
  | 'bots'
  | 'schedules'
  | 'status'
  | 'scheduleStatus'
  | 'holds'
  | 'restarts'
  | 'rollouts'
  | 'runs'
  | 'eventOrder'
  | 'scheduleEventOrder'
  | 'poison'
  | 'botState'
  | 'processes'
  | 'leases'
>;

/** What is hashed, and what is told of it: of a config nothing but its hash leaves this folder. */
const BOT_FIELDS = {
  _id: 0,
  id: 1,
  enabled: 1,
  config: 1,
  'custom.version': 1,
  'custom.filePath': 1,
  'custom.config.name': 1,
  'custom.config.entrypoints': 1,
  'custom.config.runtime': 1,
  'custom.config.version': 1,
} as const;
const SCHEDULE_FIELDS = {
  _id: 0,
  id: 1,
  enabled: 1,
  'config.enabled': 1,
  ...POLICY_PATHS,
  'custom.version': 1,
  'custom.filePath': 1,
  'custom.config.runtime': 1,
} as const;

/** The newest poison events are looked through for those that name it: they have no ids of their own. */
const POISON_LOOKED_AT = 200;
const MOST_POISON = 3;
const MOST_RUNS = 20;

/** Everything that MongoDB knows of an id, in one go. */
export async function readStore(stores: ExplainStores, id: string, now: Date): Promise<StoreFacts> {
  const byId = { _id: id };
  const [
    bot,
    schedule,
    status,
    scheduleStatus,
    hold,
    restart,
    order,
    scheduleOrder,
    poison,
    state,
    rollout,
    processes,
    runs,
  ] = await Promise.all([
    stores.bots.findOne<BotDocument>({ id }, { projection: BOT_FIELDS }),
    stores.schedules.findOne<ScheduleDocument>({ id }, { projection: SCHEDULE_FIELDS }),
    stores.status.findOne(byId),
    stores.scheduleStatus.findOne(byId),
    stores.holds.findOne(byId),
    stores.restarts.findOne(byId),
    stores.eventOrder.findOne(byId),
    stores.scheduleEventOrder.findOne(byId),
    poisonOf(stores, id),
    stores.botState.findOne(byId, { projection: { listing: 0, content: 0 } }),
    stores.rollouts.findOne({ open: true, bots: id }, { sort: { at: 1 } }),
    liveProcesses(stores, now),
    stores.runs
      .find({ open: true, scheduleId: id })
      .sort({ due: 1 })
      .limit(MOST_RUNS)
      .project<StoreFacts['runs'][number]>({ request: 0, result: 0 })
      .toArray(),
  ]);
  return {
    bot: bot ?? undefined,
    schedule: schedule ?? undefined,
    status: status ?? undefined,
    scheduleStatus: scheduleStatus ?? undefined,
    hold: hold ?? undefined,
    restart: restart ?? undefined,
    order: order ?? undefined,
    scheduleOrder: scheduleOrder ?? undefined,
    poison,
    state: state ?? undefined,
    rollout: rollout ?? undefined,
    processes,
    runs,
  };
}

async function poisonOf({ poison }: Pick<Collections, 'poison'>, id: string): Promise<StoreFacts['poison']> {
  const named = JSON.stringify(id).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return poison
    .aggregate<StoreFacts['poison'][number]>([
      { $sort: { at: -1 } },
      { $limit: POISON_LOOKED_AT },
      { $match: { payload: { $regex: String.raw`"id"\s*:\s*${named}` } } },
      { $limit: MOST_POISON },
      { $project: { _id: 0, subject: 1, reason: 1, at: 1, streamCreatedAt: 1, sequence: 1 } },
    ])
    .toArray();
}

/** What Redis knows of a bot. `failed`: whether one that failed for good is to be looked for. */
export async function readBotJobs(jobs: JobFacts, id: string, failed: boolean): Promise<QueueFacts> {
  const [open, given, processors, paused] = await Promise.all([
    jobs.of(BOT_QUEUES, id),
    failed ? jobs.failed(BOT_QUEUES, id) : [],
    jobs.processors('start'),
    jobs.paused(BOT_QUEUES),
  ]);
  return { jobs: [...open, ...given], processors, paused };
}

/** What Redis knows of a schedule and of its runs that are not over. */
export async function readScheduleJobs(
  jobs: JobFacts,
  id: string,
  runIds: readonly string[],
): Promise<QueueFacts> {
  const [alarmAt, open, processors, paused] = await Promise.all([
    jobs.alarmAt(id),
    Promise.all(runIds.map((runId) => jobs.of(['scheduled-run'], runId))),
    jobs.processors('schedule-tick'),
    jobs.paused(SCHEDULE_QUEUES),
  ]);
  return { jobs: open.flat(), processors, paused, alarmAt };
}
