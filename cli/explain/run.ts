import type { AttemptView, RunDetails } from '../../producers/control/run-list/view.ts';
import { took } from '../show/relative-time.ts';
import type { ExplainedStep, ExplanationView } from '../client/views/explanation-view.ts';

/**
 * Why a run is as it is: who asked for it, what became of each attempt, and, while it is not over, what its schedule waits for.
 * Pure.
 */
export function explainRun(run: RunDetails, schedule: ExplanationView | undefined): ExplanationView {
  const isOver = run.ended !== null;
  return {
    id: run.id,
    verdict: `The run is ${run.state}: ${run.reason}`,
    health: healthOf(run),
    steps: [
      step('run', `It is a run of ${run.schedule} for ${run.nominal} (${run.cause}).`, run.nominal),
      ...(run.due === run.nominal ? [] : [step('run', 'It was due then.', run.due)]),
      ...run.attempts.map((attempt) => attemptStep(attempt)),
      ...(run.cancel === null
        ? []
        : [step('hold', `${run.cancel.who} wants it to end: ${run.cancel.why}`, run.cancel.at)]),
      ...(isOver ? [] : (schedule?.steps ?? [])),
      ...ownSteps(run),
    ],
    next: isOver ? '' : run.nextAttempt === null ? (schedule?.next ?? '') : 'It is tried again.',
    nextAt: isOver ? null : (run.nextAttempt ?? schedule?.nextAt ?? null),
    cures: isOver ? curesOf(run) : (schedule?.cures ?? []),
    unknown: schedule?.unknown ?? [],
  };
}

function healthOf({ state }: RunDetails): ExplanationView['health'] {
  if (state === 'succeeded') return 'well';
  if (state === 'cancelled') return 'wanted';
  return state === 'failed' || state === 'timed-out' || state === 'skipped' ? 'trouble' : 'waiting';
}

const step = (
  kind: string,
  text: string,
  at: string | null,
  more: Partial<ExplainedStep> = {},
): ExplainedStep => ({
  kind,
  text,
  at,
  obstacle: false,
  lines: [],
  ...more,
});

const attemptStep = ({ attempt, outcome, reason, started, ended, processor }: AttemptView): ExplainedStep =>
  step(
    'exit',
    `Attempt ${attempt} ${outcome === 'cancelled' ? 'was' : 'is'} ${outcome}${started === null ? '' : ` after ${took(Date.parse(ended) - Date.parse(started))}`}${processor === null ? '' : ` on ${processor}`}: ${reason}`,
    ended,
  );

/** Of the attempt that goes on, or was the last. */
function ownSteps(run: RunDetails): ExplainedStep[] {
  const obstacle = run.state !== 'succeeded' && run.state !== 'running';
  const started =
    run.started === null
      ? []
      : [
          step(
            'container',
            `Attempt ${run.attempt} started${run.processor === null ? '' : ` on ${run.processor}`}${run.container === null ? '' : `, in container ${run.container.slice(0, 12)}`}.`,
            run.started,
          ),
        ];
  return [
    ...started,
    step('run', `It is ${run.state}: ${run.reason}`, run.ended, { obstacle, lines: run.lastOutput }),
    ...(run.resultProblem === null
      ? []
      : [step('state', `Its result was not kept: ${run.resultProblem}`, run.ended)]),
  ];
}

function curesOf({ state, schedule, id, nominal, kind }: RunDetails): string[] {
  if (state === 'succeeded') return [];
  const again =
    kind === 'manual'
      ? `Run it again: npx the0-runtime run-now ${schedule}`
      : `Run it after all: npx the0-runtime backfill ${schedule} --from ${nominal} --to ${nominal} --why TEXT --yes`;
  const output = `See what it printed: npx the0-runtime runs show ${id}`;
  return state === 'failed' || state === 'timed-out' ? [output, again] : [again];
}
