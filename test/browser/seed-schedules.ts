import type { Collections } from '../../infra/mongo/collections.ts';
import { isFinal, type Run, type RunState } from '../../model/runs.ts';
import { addSchedule } from '../support/schedule-records.ts';

export const HOURLY = 'rebalance-hourly';
export const MINUTELY = 'funding-each-minute';
export const SECONDLY = 'quotes-each-second';
const BROKEN = 'report-broken';
/** It waits in line, and can be cancelled. */
export const QUEUED_RUN = `${HOURLY}@waits`;
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const DONE_RUN = `${HOURLY}@done`;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Most runs go well; here and there one does not. */
function stateOf(at: number): RunState {
  if (at % 41 === 7) return 'failed';
  if (at % 67 === 13) return 'timed-out';
  if (at % 29 === 5) return 'skipped';
  return at % 101 === 50 ? 'cancelled' : 'succeeded';
}

const REASONS: Partial<Record<RunState, string>> = {
  succeeded: 'It ended with exit code 0.',
  failed: 'It ended with exit code 3.',
  'timed-out': 'It took longer than 10 min and was stopped.',
  skipped: 'The run before is still going (overlap forbid).',
  cancelled: 'ann cancelled it: month end.',
  queued: 'It waits for the run before.',
};

/** A schedule of each hour with six weeks of records, one of each minute with six hours, and one that cannot be run. */
export async function seedSchedules(all: Collections, nowMs: number): Promise<void> {
  const hour = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const active = {
    zone: 'Europe/Berlin',
    updatedAt: new Date(nowMs),
    since: new Date(nowMs - 50 * 24 * HOUR_MS),
  };
  await addSchedule(all, HOURLY, 'active', {
    name: 'Rebalance the portfolio',
    config: { schedule: '0 * * * *' },
    status: {
      ...active,
      reason: 'It ticks.',
      nextAt: new Date(hour + HOUR_MS),
      line: [QUEUED_RUN],
      lastRun: {
        runId: DONE_RUN,
        state: 'succeeded',
        endedAt: new Date(hour + 40_000),
        reason: REASONS.succeeded ?? '',
      },
    },
  });
  await addSchedule(all, MINUTELY, 'active', {
    name: 'Funding rates',
    config: { schedule: '* * * * *' },
    status: { ...active, reason: 'It ticks.', nextAt: new Date(minute + MINUTE_MS) },
  });
  await addSchedule(all, BROKEN, 'invalid', {
    name: 'Monthly report',
    config: { schedule: '0 0 30 2 *' },
    status: {
      reason: 'config.schedule: "0 0 30 2 *" never comes: February has no 30th. Name a day that exists.',
    },
  });
  await all.runs.insertMany([
    ...Array.from({ length: 1_000 }, (_, at) =>
      run(HOURLY, hour - (at + 1) * HOUR_MS, stateOf(at), { took: 20 + (at % 30) }),
    ),
    ...Array.from({ length: 360 }, (_, at) =>
      run(MINUTELY, minute - at * MINUTE_MS, stateOf(at), { took: 4 }),
    ),
    { ...run(HOURLY, hour, 'succeeded', { took: 40 }), _id: DONE_RUN, traceId: TRACE, ...DONE },
    {
      ...run(HOURLY, nowMs - 5_000, 'queued', { took: 0 }),
      _id: QUEUED_RUN,
      kind: 'manual',
      request: { id: 'waits', who: 'ann', why: 'try it' },
    },
  ]);
}

const SECOND_MS = 1_000;

/** A schedule of each second, with a record of each second of a span; apart, since it would be all that is seen of runs. */
export async function seedSecondly(
  all: Collections,
  { fromMs, toMs, nowMs }: { fromMs: number; toMs: number; nowMs: number },
): Promise<void> {
  await addSchedule(all, SECONDLY, 'active', {
    name: 'Quotes',
    config: { schedule: '* * * * * *' },
    status: {
      zone: 'Europe/Berlin',
      reason: 'It ticks.',
      since: new Date(fromMs),
      updatedAt: new Date(nowMs),
      nextAt: new Date(Math.ceil((nowMs + 1) / SECOND_MS) * SECOND_MS),
    },
  });
  await all.runs.insertMany(
    Array.from({ length: Math.floor((toMs - fromMs) / SECOND_MS) }, (_, at) =>
      run(SECONDLY, fromMs + at * SECOND_MS, stateOf(at), { took: 0.4 }),
    ),
  );
}

/** A tick of that schedule, as it comes: it is queued, and done a moment later. */
export async function tickSecondly(all: Collections, atMs: number): Promise<string> {
  const queued = run(SECONDLY, atMs, 'queued', { took: 0 });
  await all.runs.insertOne(queued);
  const { _id, ...done } = run(SECONDLY, atMs, 'succeeded', { took: 0.2 });
  await all.runs.updateOne({ _id }, { $set: done, $unset: { open: true } });
  return _id;
}

const DONE = {
  result: {
    status: 'success',
    message: 'rebalanced',
    data: { orders: 3, html: '<b onclick="window.pwned=3">bold</b>', pnl: 12.5 },
  },
  lastOutput: ['loading 12 positions', '\u001b[32mrebalanced\u001b[0m with 3 orders'],
};

function run(scheduleId: string, atMs: number, state: RunState, { took }: { took: number }): Run {
  const at = new Date(atMs);
  const ran = state !== 'skipped' && state !== 'queued';
  return {
    _id: `${scheduleId}@${at.toISOString()}`,
    scheduleId,
    kind: 'tick',
    nominal: at,
    due: at,
    state,
    reason: REASONS[state] ?? `It is ${state}.`,
    cause: 'tick',
    createdAt: at,
    updatedAt: at,
    attempt: ran ? 1 : 0,
    attempts: [],
    ...(ran
      ? {
          startedAt: at,
          exitCode: state === 'failed' ? 3 : 0,
          image: 'python:3.11-slim',
          processor: 'processor@host-1/4',
        }
      : {}),
    ...(isFinal(state) ? { endedAt: new Date(atMs + took * 1_000) } : { open: true as const }),
  };
}
