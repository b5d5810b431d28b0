import type { Collections } from '../../infra/mongo/collections.ts';
import { pause } from '../../infra/pause.ts';
import type { ScheduleOperator } from '../../model/schedule-policy.ts';
import { readSchedules } from '../../producers/control/schedule-list/read.ts';
import type { ScheduleView } from '../../producers/control/schedule-list/view.ts';

const EVERY_MS = 500;

/**
 * Calls `onChange` whenever a schedule's phase differs from what was last seen, and `onRun` for each run that ended, until
 * `signal` aborts. Polled, as bots are.
 */
export async function watchSchedules(
  collections: Collections,
  operator: ScheduleOperator,
  tell: { onChange: (view: ScheduleView) => void; onRun: (view: ScheduleView) => void },
  signal: AbortSignal,
): Promise<void> {
  const phases = new Map<string, string>();
  // What ran before this process is history.
  const begunMs = Date.now();
  const told = new Map<string, string>();
  while (!signal.aborted) {
    // While MongoDB is away there is nothing to tell; the log says that it is.
    const views = await readSchedules(collections, operator).catch(() => []);
    for (const view of views.toReversed()) {
      const { id, phase, reason, lastRun } = view;
      if (phase !== 'pending' && phases.get(id) !== `${phase}\n${reason}`) {
        phases.set(id, `${phase}\n${reason}`);
        tell.onChange(view);
      }
      const end = lastRun === null || Date.parse(lastRun.ended) < begunMs ? undefined : lastRun;
      if (end !== undefined && told.get(id) !== `${end.run} ${end.ended}`) {
        told.set(id, `${end.run} ${end.ended}`);
        tell.onRun(view);
      }
    }
    await pause(EVERY_MS, signal);
  }
}

/** A schedule that has no success to show, and why. */
export type Late = { name: string; reason: string };

/** Resolves with the schedules among `ids` of which no run has succeeded in time; empty when all have one. */
export async function untilSucceeded(
  collections: Collections,
  operator: ScheduleOperator,
  ids: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Late[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const views = await readSchedules(collections, operator).catch(() => []);
    const found = ids.map((id) => ({ id, view: views.find((view) => view.id === id) }));
    const late = found.filter(({ view }) => view?.lastRun?.state !== 'succeeded');
    // One that cannot run will not get better by waiting.
    const settled = late.every(({ view }) => view?.phase === 'invalid');
    if (settled || signal.aborted || performance.now() > deadline)
      return late.map(({ id, view }) => ({
        name: view?.name ?? id,
        reason: view?.lastRun?.reason ?? view?.reason ?? 'its event has not arrived',
      }));
    await pause(EVERY_MS, signal);
  }
}
