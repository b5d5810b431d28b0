import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { BotSchema } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { RunDetailsSchema, RunSchema } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { ScheduleSchema } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { botMessage } from '../../../producers/control/api/bot-messages.ts';
import { runDetailsMessage, runMessage } from '../../../producers/control/api/run-messages.ts';
import { scheduleMessage } from '../../../producers/control/api/schedule-messages.ts';
import type { BotView } from '../../../producers/control/bots/view.ts';
import type { RunDetails, RunView } from '../../../producers/control/run-list/view.ts';
import type { ScheduleView } from '../../../producers/control/schedule-list/view.ts';
import { botView } from './bot-view.ts';
import { runDetailsView, runView } from './run-view.ts';
import { scheduleView } from './schedule-view.ts';

/** What goes through the API comes out as it was: `--json` is the same here and elsewhere. */
const AT = '2026-11-24T12:00:00.123Z';
const wish = { who: 'ann', why: 'incident 7', at: AT };

const full: BotView = {
  id: 'b1',
  phase: 'state-unavailable',
  reason: 'Its state cannot be had',
  since: AT,
  restarts: 3,
  lastExit: {
    exitCode: 137,
    signal: 'SIGKILL',
    oomKilled: true,
    upSeconds: 1.5,
    containerId: 'c',
    lastOutput: ['a', 'b'],
    requested: true,
    at: AT,
  },
  nextAttempt: AT,
  image: 'i',
  container: 'c',
  enabled: true,
  name: 'n',
  runtime: 'python3.11',
  version: '1.0.0',
  type: 'realtime/x',
  hold: wish,
  restart: wish,
  failureCode: 'entrypoint_missing',
  startedAt: AT,
  consecutiveFailures: 2,
  updatedAt: AT,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
};
const bare: BotView = {
  ...full,
  ...{ since: null, lastExit: null, nextAttempt: null, image: null, container: null, name: null },
  ...{ runtime: null, version: null, type: null, hold: null, restart: null, failureCode: null },
  ...{ startedAt: null, updatedAt: null, traceId: null },
};

it.each([full, bare])('a bot', (view) => {
  expect(botView(create(BotSchema, botMessage(view)))).toEqual(view);
});

const schedule: ScheduleView = {
  id: 's1',
  phase: 'active',
  reason: 'It ticks.',
  since: AT,
  enabled: true,
  schedule: '@hourly',
  zone: 'UTC',
  next: AT,
  lastRun: { run: 's1@1', state: 'timed-out', ended: AT, reason: 'late' },
  failuresInRow: 2,
  line: ['s1@2'],
  hold: wish,
  policy: {
    misfire: { policy: 'fire-all', max: 5, windowMs: 7_200_000 },
    overlap: { policy: 'allow', max: 3 },
    timeoutMs: 60_000,
    retries: 2,
    retryDelayMs: 30_000,
    jitterMs: 500,
  },
  name: 'n',
  runtime: 'r',
  version: 'v',
};
const unseen: ScheduleView = {
  ...schedule,
  ...{ phase: 'pending', since: null, schedule: null, zone: null, next: null, lastRun: null, line: [] },
  ...{ hold: null, policy: null, name: null, runtime: null, version: null },
};

it.each([schedule, unseen])('a schedule', (view) => {
  expect(scheduleView(create(ScheduleSchema, scheduleMessage(view)))).toEqual(view);
});

const run: RunView = {
  id: 's1@1',
  schedule: 's1',
  kind: 'manual',
  state: 'failed',
  reason: 'r',
  cause: 'c',
  nominal: AT,
  due: AT,
  started: AT,
  ended: AT,
  deadline: AT,
  nextAttempt: AT,
  attempt: 2,
  exitCode: 0,
  signal: 'SIGTERM',
  oomKilled: true,
  image: 'i',
  container: 'c',
  processor: 'p',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  cancel: wish,
  request: { id: 'r1', who: 'ann', why: 'x', overridden: ['a'] },
};
const waiting: RunView = {
  ...run,
  ...{ kind: 'tick', state: 'queued', started: null, ended: null, deadline: null, nextAttempt: null },
  ...{
    exitCode: null,
    signal: null,
    image: null,
    container: null,
    processor: null,
    traceId: null,
    cancel: null,
    request: null,
  },
};
const details: RunDetails = {
  ...run,
  result: { trades: [1, null, 'x'] },
  resultProblem: 'too large',
  lastOutput: ['a'],
  attempts: [
    {
      attempt: 1,
      outcome: 'failed',
      reason: 'r',
      started: null,
      ended: AT,
      exitCode: null,
      signal: null,
      oomKilled: false,
      container: null,
      processor: null,
    },
  ],
};

it.each([run, waiting])('a run', (view) => {
  expect(runView(create(RunSchema, runMessage(view)))).toEqual(view);
});

it.each([details, { ...details, result: null, resultProblem: null, lastOutput: [], attempts: [] }])(
  'everything about a run',
  (view) => {
    expect(runDetailsView(create(RunDetailsSchema, runDetailsMessage(view)))).toEqual(view);
  },
);
