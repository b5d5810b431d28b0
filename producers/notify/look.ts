import type { Filter } from 'mongodb';
import type { Collections } from '../../infra/mongo/collections.ts';
import { FAILED_FOR_GOOD, WITHOUT_STATE } from '../../infra/mongo/indexed-queries.ts';
import { durationText } from '../../model/duration.ts';
import type { Condition, Sighting, Subject } from '../../model/notifications.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { BotStatus } from '../../model/status.ts';
import {
  botConditions,
  diskCondition,
  INSTALLATION,
  NO_SPACE,
  scheduleConditions,
  type FullDisk,
  type TroubledBot,
  type TroubledSchedule,
} from './conditions.ts';
import { jobsWait, type JobsWaitDeps } from './jobs-wait.ts';
import {
  BOT_MARKS,
  botSightings,
  SCHEDULE_MARKS,
  scheduleSightings,
  type BotMarks,
  type ScheduleMarks,
  type ScheduleRules,
} from './sightings.ts';

export type LookDeps = JobsWaitDeps & {
  collections: Pick<Collections, 'bots' | 'schedules' | 'status' | 'scheduleStatus' | 'runs'>;
  crashes: number;
  overdueMs: number;
  runsAtOnce: number;
};

export type Look = {
  seen: Sighting[];
  /** Names of those that may be there although they are not among `seen`, since nobody could look for them. */
  unknown: ReadonlySet<string>;
  /** Puts some of `seen` into words, as it finds them: what is over by then is left out. Rejects where MongoDB does not answer. */
  describe: (wanted: readonly Sighting[]) => Promise<Condition[]>;
};

/** What waits for so long waits too long. */
const WAITS_TOO_LONG_MS = 60_000;
const BOT_FIELDS = {
  phase: 1,
  reason: 1,
  since: 1,
  consecutiveFailures: 1,
  permanent: 1,
  failureCode: 1,
  'lastExit.exitCode': 1,
  'lastExit.oomKilled': 1,
  'lastExit.signal': 1,
} as const;
const SCHEDULE_FIELDS = {
  phase: 1,
  reason: 1,
  since: 1,
  failuresInRow: 1,
  lastRun: 1,
  missed: 1,
  nextAt: 1,
  stuck: 1,
} as const;

/**
 * Everything that is the matter just now, read from what is on record: of each bot and schedule only what tells that, since
 * all of them may be in trouble for hours, and words are for what is new. Rejects where MongoDB does not answer; while Redis is
 * away, what it alone knows is unknown.
 */
export async function look(deps: LookDeps, now: Date, missedSince: Date): Promise<Look> {
  const { crashes, overdueMs, collections } = deps;
  const rules = { nowMs: now.getTime(), crashes, overdueMs, missedSince };
  const [bots, schedules, disk, runs, jobs] = await Promise.all([
    collections.status.find(botsInTrouble(deps)).project<BotMarks>(BOT_MARKS).toArray(),
    collections.scheduleStatus
      .find(schedulesInTrouble(rules))
      .project<ScheduleMarks>(SCHEDULE_MARKS)
      .toArray(),
    fullDisk(deps),
    runsWait(deps, now),
    jobsWait(deps, rules.nowMs),
  ]);
  const ofInstallation = [...diskCondition(disk), ...runs, ...jobs.conditions];
  return {
    seen: [
      ...bots.flatMap((bot) => botSightings(bot, rules)),
      ...schedules.flatMap((schedule) => scheduleSightings(schedule, rules)),
      ...ofInstallation,
    ],
    unknown: jobs.unknown,
    describe: async (wanted) => [
      ...(await describeBots(deps, idsOf(wanted, 'bot'))),
      ...(await describeSchedules(deps, idsOf(wanted, 'schedule'), rules)),
      ...ofInstallation,
    ],
  };
}

const idsOf = (wanted: readonly Sighting[], type: Subject['type']): string[] => [
  ...new Set(wanted.filter(({ subject }) => subject.type === type).map(({ subject }) => subject.id)),
];

const botsInTrouble = ({ crashes }: Pick<LookDeps, 'crashes'>): Filter<BotStatus> => ({
  $or: [{ consecutiveFailures: { $gte: Math.min(2, crashes) } }, FAILED_FOR_GOOD, WITHOUT_STATE],
});

const schedulesInTrouble = ({
  nowMs,
  crashes,
  overdueMs,
  missedSince,
}: ScheduleRules): Filter<ScheduleStatus> => ({
  $or: [
    { phase: 'invalid' },
    { phase: 'active', failuresInRow: { $gte: crashes } },
    { 'missed.at': { $gt: missedSince } },
    { nextAt: { $lt: new Date(nowMs - overdueMs) } },
  ],
});

async function describeBots(
  { collections: { status, bots }, crashes }: LookDeps,
  ids: readonly string[],
): Promise<Condition[]> {
  if (ids.length === 0) return [];
  const [found, names] = await Promise.all([
    status
      .find({ _id: { $in: ids } })
      .project<TroubledBot>(BOT_FIELDS)
      .toArray(),
    namesOf(bots, ids),
  ]);
  return botConditions(found, { crashes, nameOf: (id) => names.get(id) });
}

async function describeSchedules(
  { collections: { scheduleStatus, schedules } }: LookDeps,
  ids: readonly string[],
  rules: ScheduleRules,
): Promise<Condition[]> {
  if (ids.length === 0) return [];
  const [found, names] = await Promise.all([
    scheduleStatus
      .find({ _id: { $in: ids } })
      .project<TroubledSchedule>(SCHEDULE_FIELDS)
      .toArray(),
    namesOf(schedules, ids),
  ]);
  return scheduleConditions(found, { ...rules, nameOf: (id) => names.get(id) });
}

async function fullDisk(deps: LookDeps): Promise<FullDisk | undefined> {
  const [found] = await deps.collections.status
    .aggregate<FullDisk>([
      { $match: { ...botsInTrouble(deps), phase: { $ne: 'running' }, reason: NO_SPACE } },
      { $group: { _id: null, bots: { $sum: 1 }, since: { $min: '$since' }, reason: { $first: '$reason' } } },
    ])
    .toArray();
  return found;
}

/** Runs wait for others of the installation, and not for those of their own schedule alone. */
async function runsWait({ collections: { runs }, runsAtOnce }: LookDeps, now: Date): Promise<Condition[]> {
  const atWork = await runs.countDocuments({ open: true, state: { $in: ['preparing', 'running'] } });
  if (atWork < runsAtOnce) return [];
  const longAgo = new Date(now.getTime() - WAITS_TOO_LONG_MS);
  const [oldest] = await runs
    .find({ open: true, state: 'queued', due: { $lt: longAgo } })
    .sort({ due: 1 })
    .limit(1)
    .toArray();
  if (oldest === undefined) return [];
  return [
    {
      kind: 'capacity',
      part: 'runs',
      subject: INSTALLATION,
      since: oldest.due,
      what: `Runs wait: ${atWork} go at once, and RUNS_AT_ONCE allows ${runsAtOnce}`,
      why: `The oldest has waited for ${durationText(now.getTime() - oldest.due.getTime())} (${oldest._id}).`,
      todo: ['Raise RUNS_AT_ONCE where the machine has room, or have runs end sooner (config.timeout)'],
    },
  ];
}

/** As their owners call them. */
async function namesOf(
  documents: Collections['bots'] | Collections['schedules'],
  ids: readonly string[],
): Promise<Map<string, string>> {
  const found = await (documents as Collections['bots'])
    .find({ id: { $in: ids } })
    .project<{ id: string; config?: { name?: unknown } }>({ _id: 0, id: 1, 'config.name': 1 })
    .toArray();
  return new Map(
    found.flatMap(({ id, config }) => {
      const name = config?.name;
      return typeof name === 'string' && name !== '' ? [[id, name.slice(0, MAX_NAME)] as const] : [];
    }),
  );
}

const MAX_NAME = 80;
