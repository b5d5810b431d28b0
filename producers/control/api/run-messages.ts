import { fromJson, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { ValueSchema, type Value } from '@bufbuild/protobuf/wkt';
import { RUN_STATES } from '../../../model/runs.ts';
import {
  RunState,
  type BackfillResponseSchema,
  type RunDetailsSchema,
  type RunSchema,
} from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import type { BackfillOutcome, BackfillPlan } from '../backfill.ts';
import type { RunDetails, RunView } from '../run-list/view.ts';
import { noViewer, type TraceUrl } from '../trace-url.ts';
import { wishMessage } from './wish-message.ts';
import { stamp, wordsOf } from './wire.ts';

export const runStates = wordsOf(RUN_STATES, RunState);

export function runMessage(view: RunView, traceUrl: TraceUrl = noViewer): MessageInitShape<typeof RunSchema> {
  return {
    id: view.id,
    schedule: view.schedule,
    kind: view.kind,
    state: runStates.value(view.state),
    reason: view.reason,
    cause: view.cause,
    nominal: stamp(view.nominal),
    due: stamp(view.due),
    started: stamp(view.started),
    ended: stamp(view.ended),
    deadline: stamp(view.deadline),
    nextAttempt: stamp(view.nextAttempt),
    attempt: view.attempt,
    exitCode: view.exitCode ?? undefined,
    signal: view.signal ?? '',
    oomKilled: view.oomKilled,
    image: view.image ?? '',
    container: view.container ?? '',
    processor: view.processor ?? '',
    cancel: wishMessage(view.cancel),
    request: view.request ?? undefined,
    traceId: view.traceId ?? '',
    traceUrl: traceUrl(view.traceId),
  };
}

export function runDetailsMessage(
  view: RunDetails,
  traceUrl: TraceUrl = noViewer,
): MessageInitShape<typeof RunDetailsSchema> {
  return {
    run: runMessage(view, traceUrl),
    result: view.result === null ? undefined : valueMessage(view.result),
    resultProblem: view.resultProblem ?? '',
    lastOutput: view.lastOutput,
    attempts: view.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      outcome: runStates.value(attempt.outcome),
      reason: attempt.reason,
      started: stamp(attempt.started),
      ended: stamp(attempt.ended),
      exitCode: attempt.exitCode ?? undefined,
      signal: attempt.signal ?? '',
      oomKilled: attempt.oomKilled,
      container: attempt.container ?? '',
      processor: attempt.processor ?? '',
    })),
  };
}

/** As MongoDB gives it back, which may be more than JSON knows. */
const valueMessage = (value: unknown): Value =>
  fromJson(ValueSchema, JSON.parse(JSON.stringify(value ?? null)) as JsonValue);

/** `outcome`: where it was done, and not only planned. */
export function backfillMessage(
  plan: BackfillPlan | BackfillOutcome,
): MessageInitShape<typeof BackfillResponseSchema> {
  return {
    zone: plan.zone,
    overlap: plan.overlap.policy,
    items: plan.items.map(({ runId, nominal, action, why, state }) => ({
      run: runId,
      nominal: stamp(nominal),
      action,
      why,
      ...(state === undefined ? {} : { state: runStates.value(state) }),
    })),
    begun: 'begun' in plan ? plan.begun : [],
    notQueued: 'notQueued' in plan ? (plan.notQueued ?? '') : '',
  };
}
