import type { ServiceImpl } from '@connectrpc/connect';
import type { Collections } from '../../../infra/mongo/collections.ts';
import type { RunService } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { checkRequestId } from '../arguments.ts';
import { InvalidRequest, NotFound } from '../errors.ts';
import { pageOfRuns } from '../run-list/page.ts';
import { readRun } from '../run-list/read.ts';
import { runView } from '../run-list/view.ts';
import type { ScheduleControl } from '../schedules.ts';
import type { TraceUrl } from '../trace-url.ts';
import { callerKey } from './caller.ts';
import { backfillMessage, runDetailsMessage, runMessage, runStates } from './run-messages.ts';
import { dateOf, spanIn } from './wire.ts';

export type RunServiceDeps = {
  collections: Pick<Collections, 'runs' | 'schedules'>;
  control: ScheduleControl;
  traceUrl?: TraceUrl;
};

export function runService({
  collections,
  control,
  traceUrl,
}: RunServiceDeps): ServiceImpl<typeof RunService> {
  return {
    listRuns: async ({ schedule, states, from, to, page }) => {
      const wanted = runStates.words(states);
      const { runs, nextToken } = await pageOfRuns(
        collections,
        {
          ...(schedule === '' ? {} : { scheduleId: schedule }),
          ...(wanted.length === 0 ? {} : { states: wanted }),
          ...spanIn({ from, to }),
        },
        page ?? {},
      );
      return { runs: runs.map((run) => runMessage(run, traceUrl)), nextToken };
    },

    getRun: async ({ id }) => {
      const details = await readRun(collections.runs, id);
      if (details === undefined) throw new NotFound('run', id);
      return { details: runDetailsMessage(details, traceUrl) };
    },

    runNow: async ({ schedule, configOverride, change, request }, { values }) => {
      // Without one, the same key is the same run for as long as its record is there.
      const requestId = request === '' ? (change?.idempotencyKey ?? '') : checkRequestId(request, 'request');
      const { run, created, notQueued } = await control.runNow({
        scheduleId: schedule,
        who: values.get(callerKey).name,
        why: change?.reason ?? '',
        ...(requestId === '' ? {} : { requestId }),
        ...(configOverride === undefined ? {} : { configOverride }),
      });
      return { run: runMessage(runView(run), traceUrl), created, notQueued: notQueued ?? '' };
    },

    cancelRun: async ({ id, change }, { values }) => {
      const { run, outcome, notQueued } = await control.cancelRun({
        runId: id,
        who: values.get(callerKey).name,
        why: change?.reason ?? '',
      });
      return { run: runMessage(runView(run), traceUrl), outcome, notQueued: notQueued ?? '' };
    },

    backfill: async ({ schedule, from, to, dryRun, change }, { values }) => {
      const span = { scheduleId: schedule, from: required('from', from), to: required('to', to) };
      if (dryRun) return backfillMessage(await control.planBackfill(span));
      const asker = { who: values.get(callerKey).name, why: change?.reason ?? '' };
      return backfillMessage(await control.backfill({ ...span, ...asker }));
    },
  };
}

/** @throws InvalidRequest */
function required(field: string, stamped: Parameters<typeof dateOf>[0]): Date {
  const date = dateOf(stamped);
  if (date === undefined) throw new InvalidRequest(field, 'It is missing', 'give a time');
  return date;
}
