import type { AnyBulkWriteOperation, Filter } from 'mongodb';
import { timingOf } from '../../model/cron/parse.ts';
import type { SchedulePhase, ScheduleStatus } from '../../model/schedule-status.ts';
import type { Sighting, Verdict } from './decide.ts';

export type StatusWrite = {
  operation: AnyBulkWriteOperation<ScheduleStatus>;
  /** Of a schedule that begins: its first nominal time. */
  nextAt?: Date;
};

/** Nobody handles the schedule's ticks at this moment; by the database's clock, as claims are. */
export const UNCLAIMED: Filter<ScheduleStatus> = {
  $or: [{ claim: null }, { $expr: { $lte: ['$claim.until', '$$NOW'] } }],
};

/** What only a schedule that ticks has. */
const TICKING = ['timing', 'zone', 'handledThrough', 'nextAt'] as const;

/**
 * The write that carries out a verdict, on condition that the status is still as it was seen and that no handler is at it;
 * undefined where there is nothing to write. It clears a lapsed claim, so that a handler that comes back late writes into
 * the void.
 */
export function statusWrite(sighting: Sighting, verdict: Verdict, nowMs: number): StatusWrite | undefined {
  const { id, status, openRuns } = sighting;
  const now = new Date(nowMs);
  switch (verdict.kind) {
    case 'leave':
    case 'wait':
      return undefined;
    case 'forget':
      return { operation: { deleteOne: { filter: { _id: id, line: { $size: 0 }, ...UNCLAIMED } } } };
    case 'reword':
      return {
        operation: {
          updateOne: {
            filter: { _id: id, ...asSeen(status) },
            update: { $set: { reason: verdict.reason, updatedAt: now } },
          },
        },
      };
    case 'begin':
    case 'stop': {
      const ticking: Ticking = verdict.kind === 'begin' ? tickingFrom(verdict) : {};
      const phase: SchedulePhase = verdict.kind === 'begin' ? 'active' : verdict.phase;
      const set = { phase, reason: verdict.reason, updatedAt: now, ...ticking };
      const operation =
        status === undefined
          ? // Runs that are on record for it stand in line before whatever comes.
            insert({ _id: id, ...set, since: now, line: [...openRuns], failuresInRow: 0 })
          : replace(sighting, { ...set, claim: null, ...(status.phase === phase ? {} : { since: now }) });
      return { operation, ...(ticking.nextAt === undefined ? {} : { nextAt: ticking.nextAt }) };
    }
  }
}

type Operation = StatusWrite['operation'];
type Ticking = Pick<ScheduleStatus, (typeof TICKING)[number]>;

function tickingFrom({ timing, zone, fromMs }: Extract<Verdict, { kind: 'begin' }>): Ticking {
  const nextMs = timingOf(timing).next(fromMs);
  return {
    timing,
    zone,
    handledThrough: new Date(fromMs),
    ...(nextMs === undefined ? {} : { nextAt: new Date(nextMs) }),
  };
}

const insert = ({ _id, ...first }: ScheduleStatus): Operation => ({
  updateOne: { filter: { _id }, update: { $setOnInsert: first }, upsert: true },
});

function replace({ id, status }: Sighting, set: Partial<Omit<ScheduleStatus, '_id'>>): Operation {
  const absent = TICKING.filter((field) => !(field in set));
  return {
    updateOne: {
      filter: { _id: id, ...asSeen(status), ...UNCLAIMED },
      update: {
        $set: set,
        ...(absent.length === 0 ? {} : { $unset: Object.fromEntries(absent.map((field) => [field, true])) }),
      },
    },
  };
}

/** The part of a status that planners and tick handlers decide by. */
function asSeen(status: Sighting['status']): Filter<ScheduleStatus> {
  const { phase, timing, handledThrough } = status ?? {};
  return {
    ...(phase === undefined ? {} : { phase }),
    timing: timing ?? { $exists: false },
    handledThrough: handledThrough ?? { $exists: false },
  };
}
