import { create, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import {
  RunDetailsSchema,
  RunSchema,
  type Run,
  type RunAttempt,
  type RunDetails as Details,
} from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { runStates } from '../../../producers/control/api/run-messages.ts';
import type { AttemptView, RunDetails, RunView } from '../../../producers/control/run-list/view.ts';
import type { Api } from '../api.ts';
import { iso, isoOf, text, wishView } from './fields.ts';

/** A run as the API tells it, as `runs --json` shows it. */
export const runView = (run: Run): RunView => ({
  id: run.id,
  schedule: run.schedule,
  kind: run.kind === 'manual' ? 'manual' : 'tick',
  state: runStates.words([run.state])[0] ?? 'queued',
  reason: run.reason,
  cause: run.cause,
  nominal: isoOf(run.nominal),
  due: isoOf(run.due),
  started: iso(run.started),
  ended: iso(run.ended),
  deadline: iso(run.deadline),
  nextAttempt: iso(run.nextAttempt),
  attempt: run.attempt,
  exitCode: run.exitCode ?? null,
  signal: text(run.signal),
  oomKilled: run.oomKilled,
  image: text(run.image),
  container: text(run.container),
  processor: text(run.processor),
  traceId: text(run.traceId),
  cancel: wishView(run.cancel),
  request:
    run.request === undefined
      ? null
      : {
          id: run.request.id,
          who: run.request.who,
          why: run.request.why,
          overridden: run.request.overridden,
        },
});

/** The same of everything about one, as `runs show --json` has it. */
export const runDetailsView = (details: Details): RunDetails => ({
  ...runView(details.run ?? create(RunSchema)),
  result: details.result === undefined ? null : toJson(ValueSchema, details.result),
  resultProblem: text(details.resultProblem),
  lastOutput: details.lastOutput,
  attempts: details.attempts.map(attemptView),
});

export async function readRun(api: Api, id: string): Promise<RunDetails> {
  const { details } = await api.runs.getRun({ id });
  // It is always there: else the call would have failed.
  return runDetailsView(details ?? create(RunDetailsSchema));
}

const attemptView = (attempt: RunAttempt): AttemptView => ({
  attempt: attempt.attempt,
  outcome: (runStates.words([attempt.outcome])[0] ?? 'failed') as AttemptView['outcome'],
  reason: attempt.reason,
  started: iso(attempt.started),
  ended: isoOf(attempt.ended),
  exitCode: attempt.exitCode ?? null,
  signal: text(attempt.signal),
  oomKilled: attempt.oomKilled,
  container: text(attempt.container),
  processor: text(attempt.processor),
});
