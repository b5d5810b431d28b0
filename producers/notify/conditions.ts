import { durationText } from '../../model/duration.ts';
import type { Condition, Sighting, Subject } from '../../model/notifications.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { BotStatus } from '../../model/status.ts';
import { curesOf } from '../control/explain/cures.ts';
import { inside, sentence, stamp, times } from '../control/explain/words.ts';
import {
  botSightings,
  overdueSince,
  scheduleSightings,
  type BotRules,
  type ScheduleRules,
} from './sightings.ts';

/** What is read of a bot that is to be told of. */
export type TroubledBot = Pick<
  BotStatus,
  '_id' | 'phase' | 'reason' | 'since' | 'consecutiveFailures' | 'permanent' | 'failureCode' | 'lastExit'
>;

/** What is read of a schedule that is to be told of. */
export type TroubledSchedule = Pick<
  ScheduleStatus,
  '_id' | 'phase' | 'reason' | 'since' | 'failuresInRow' | 'lastRun' | 'missed' | 'nextAt' | 'stuck'
>;

/** Bots that do not start, by whose reason a disk has no room: how many, since when, and one of the reasons. */
export type FullDisk = { bots: number; since: Date; reason: string };
export const NO_SPACE = /no space left|ENOSPC|disk quota exceeded/i;

type NameOf = (id: string) => string | undefined;

/** What is the matter with bots, in words. Pure. */
export function botConditions(
  bots: readonly TroubledBot[],
  { nameOf, ...rules }: BotRules & { nameOf: NameOf },
): Condition[] {
  return bots.flatMap((bot) =>
    botSightings(bot, rules).map((sighting): Condition => {
      const subject = named(sighting.subject, nameOf);
      return {
        ...sighting,
        subject,
        what: botWhat(sighting, shownAs(subject), bot),
        why: sentence(bot.reason),
        todo: curesOf(bot),
      };
    }),
  );
}

function botWhat({ kind }: Sighting, shown: string, { consecutiveFailures }: TroubledBot): string {
  if (kind === 'state-unavailable') return `${shown} does not run: its state cannot be had`;
  if (kind === 'failed') return `${shown} has failed for good and is not tried again`;
  return `${shown} failed ${times(consecutiveFailures)} in a row`;
}

/** The engine’s disk, by what it said to those that it could not start. */
export function diskCondition(full: FullDisk | undefined): Condition[] {
  if (full === undefined) return [];
  const { bots, since, reason } = full;
  return [
    {
      kind: 'capacity',
      part: 'disk',
      subject: INSTALLATION,
      since,
      what: `A disk is full: ${bots} ${bots === 1 ? 'bot does' : 'bots do'} not start`,
      why: sentence(reason),
      todo: [
        'Make room on the engine’s disk: "docker system df" says what takes it, "the0-runtime gc" sweeps what is left over',
      ],
    },
  ];
}

/** What is the matter with schedules, in words. Pure. */
export function scheduleConditions(
  schedules: readonly TroubledSchedule[],
  { nameOf, ...rules }: ScheduleRules & { nameOf: NameOf },
): Condition[] {
  return schedules.flatMap((schedule) =>
    scheduleSightings(schedule, rules).flatMap((sighting): Condition[] => {
      const subject = named(sighting.subject, nameOf);
      const words = WORDS[sighting.kind](schedule, shownAs(subject), rules);
      return words === undefined ? [] : [{ ...sighting, subject, ...words }];
    }),
  );
}

type Words = Pick<Condition, 'what' | 'why' | 'todo'>;

const invalid = ({ reason }: TroubledSchedule, shown: string): Words => ({
  what: `${shown} does not tick: its configuration cannot be run`,
  why: sentence(reason),
  todo: ['Correct its configuration as the reason says, and deploy it again'],
});

const failing = ({ _id: id, failuresInRow, lastRun }: TroubledSchedule, shown: string): Words => ({
  what: `The last ${failuresInRow} runs of ${shown.replace(/^S/, 's')} failed`,
  why: lastRun === undefined ? '' : sentence(`The last one: ${inside(lastRun.reason)}`),
  todo: [`See what its runs say: the0-runtime runs ${id}`],
});

function missing(schedule: TroubledSchedule, shown: string, rules: ScheduleRules): Words | undefined {
  const { _id: id, missed, stuck } = schedule;
  const overdue = overdueSince(schedule, rules);
  if (overdue !== undefined)
    return {
      what: `${shown} does not tick: nobody has handled its tick of ${stamp(overdue)}`,
      why:
        stuck === undefined
          ? `It is ${durationText(rules.nowMs - overdue.getTime())} late.`
          : sentence(stuck.reason),
      todo: ['See whether a processor runs and takes its jobs: the0-runtime doctor'],
    };
  if (missed === undefined) return undefined;
  const { ticks, first, last } = missed;
  const span = ticks === 1 ? `of ${stamp(first)}` : `from ${stamp(first)} to ${stamp(last)}`;
  return {
    what: `${shown} missed ${ticks} ${ticks === 1 ? 'tick' : 'ticks'}`,
    why: `Those ${span} came while nobody handled ticks; its misfire policy decided which of them run late.`,
    todo: [`See what became of each: the0-runtime runs ${id}`],
  };
}

const WORDS = { failed: invalid, 'crash-loop': failing, 'missed-ticks': missing };

export const INSTALLATION: Subject = { type: 'installation', id: '' };

function named(subject: Subject, nameOf: NameOf): Subject {
  const name = nameOf(subject.id);
  return name === undefined ? subject : { ...subject, name };
}

const shownAs = ({ type, id, name }: Subject): string =>
  `${type === 'bot' ? 'Bot' : 'Schedule'} ${name === undefined ? id : `${name} (${id})`}`;
