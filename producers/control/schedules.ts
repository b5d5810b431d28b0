import type { Run } from '../../model/runs.ts';
import type { ScheduleDocument } from '../../model/schedules.ts';
import type { Asker } from './arguments.ts';
import { backfill, planBackfill, type BackfillOutcome, type BackfillPlan } from './backfill.ts';
import type { Span } from './backfill-plan.ts';
import { cancelRun, type CancelOutcome, type CancelRequest } from './cancel-run.ts';
import { policyOf, readSchedule, type ControlDeps } from './context.ts';
import { NotFound } from './errors.ts';
import { pauseSchedule, resumeSchedule, type PauseOutcome, type ResumeOutcome } from './hold.ts';
import { preview, timingOfText, type Preview } from './preview.ts';
import { runNow, type RunNowOutcome, type RunNowRequest } from './run-now.ts';

/** What people, and programs for them, may do to schedules and runs. Everything throws `ControlError`s. */
export class ScheduleControl {
  readonly #deps: ControlDeps;
  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  runNow(request: RunNowRequest): Promise<RunNowOutcome> {
    return runNow(this.#deps, request);
  }

  cancelRun(request: CancelRequest): Promise<CancelOutcome> {
    return cancelRun(this.#deps, request);
  }

  pause(request: Asker & { scheduleId: string; cancelRuns?: boolean }): Promise<PauseOutcome> {
    return pauseSchedule(this.#deps, request);
  }

  resume(request: { scheduleId: string }): Promise<ResumeOutcome> {
    return resumeSchedule(this.#deps, request);
  }

  planBackfill(request: Span & { scheduleId: string }): Promise<BackfillPlan> {
    return planBackfill(this.#deps, request);
  }

  backfill(request: Asker & Span & { scheduleId: string }): Promise<BackfillOutcome> {
    return backfill(this.#deps, request);
  }

  /** The next times of a stored schedule. */
  async preview(request: { scheduleId: string; count: number }): Promise<Preview> {
    const document: ScheduleDocument = await readSchedule(this.#deps, request.scheduleId);
    const { timing } = policyOf(document, this.#deps.operator);
    return preview(timing, { count: request.count, fromMs: this.#deps.now().getTime() });
  }

  /** Those of a cron text. */
  previewText(request: { text: string; zone?: string | undefined; count: number }): Preview {
    const timing = timingOfText(request, this.#deps.operator);
    return preview(timing, { count: request.count, fromMs: this.#deps.now().getTime() });
  }

  /** The installation's time, which spans and runs go by. */
  now(): Date {
    return this.#deps.now();
  }

  async run(runId: string): Promise<Run> {
    const run = await this.#deps.collections.runs.findOne({ _id: runId });
    if (run === null) throw new NotFound('run', runId);
    return run;
  }
}
