import type { NotificationKind, Sighting } from '../../model/notifications.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';
import type { BotStatus } from '../../model/status.ts';

/** What tells that something is the matter with a bot: read of every one in trouble, so it is little. */
export type BotMarks = Pick<BotStatus, '_id' | 'phase' | 'since' | 'consecutiveFailures' | 'permanent'>;
export const BOT_MARKS = { phase: 1, since: 1, consecutiveFailures: 1, permanent: 1 } as const;

/** The same of a schedule. */
export type ScheduleMarks = Pick<ScheduleStatus, '_id' | 'phase' | 'since' | 'failuresInRow' | 'nextAt'> & {
  lastRun?: Pick<NonNullable<ScheduleStatus['lastRun']>, 'endedAt'>;
  missed?: Pick<NonNullable<ScheduleStatus['missed']>, 'at' | 'first'>;
};
export const SCHEDULE_MARKS = {
  phase: 1,
  since: 1,
  failuresInRow: 1,
  nextAt: 1,
  'lastRun.endedAt': 1,
  'missed.at': 1,
  'missed.first': 1,
} as const;

export type BotRules = {
  /** So many failures in a row are a crash loop. */
  crashes: number;
};

export type ScheduleRules = {
  nowMs: number;
  /** Runs in a row that failed. */
  crashes: number;
  /** A tick that nobody has handled for so long is missed. */
  overdueMs: number;
  /** Missed ticks that were found before are told already, or long over. */
  missedSince: Date;
};

/** One failure to get at object storage is a hiccup. */
const STATE_TRIES = 2;

/** What is the matter with a bot: one thing at most. Pure. */
export function botSightings(bot: BotMarks, rules: BotRules): Sighting[] {
  const kind = kindOf(bot, rules);
  return kind === undefined ? [] : [{ kind, subject: { type: 'bot', id: bot._id }, since: bot.since }];
}

function kindOf(
  { phase, permanent, consecutiveFailures }: BotMarks,
  { crashes }: BotRules,
): NotificationKind | undefined {
  if (phase === 'state-unavailable')
    return consecutiveFailures < STATE_TRIES && permanent !== true ? undefined : 'state-unavailable';
  if (phase === 'failed' && permanent === true) return 'failed';
  return phase === 'running' || consecutiveFailures < crashes ? undefined : 'crash-loop';
}

export type ScheduleSighting = Sighting & { kind: 'failed' | 'crash-loop' | 'missed-ticks' };

/** What is the matter with a schedule. Pure. */
export function scheduleSightings(schedule: ScheduleMarks, rules: ScheduleRules): ScheduleSighting[] {
  const { _id: id, phase, since, failuresInRow, lastRun, missed } = schedule;
  const seen = (kind: ScheduleSighting['kind'], from: Date): ScheduleSighting[] => [
    { kind, subject: { type: 'schedule', id }, since: from },
  ];
  const overdue = overdueSince(schedule, rules);
  return [
    ...(phase === 'invalid' ? seen('failed', since) : []),
    ...(phase === 'active' && failuresInRow >= rules.crashes
      ? seen('crash-loop', lastRun?.endedAt ?? since)
      : []),
    ...(overdue !== undefined
      ? seen('missed-ticks', overdue)
      : missed !== undefined && missed.at > rules.missedSince
        ? seen('missed-ticks', missed.first)
        : []),
  ];
}

/** The tick that nobody handles; undefined: none is late. */
export const overdueSince = (
  { phase, nextAt }: Pick<ScheduleMarks, 'phase' | 'nextAt'>,
  { nowMs, overdueMs }: Pick<ScheduleRules, 'nowMs' | 'overdueMs'>,
): Date | undefined =>
  phase === 'active' && nextAt !== undefined && nowMs - nextAt.getTime() > overdueMs ? nextAt : undefined;
