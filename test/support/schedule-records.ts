import type { Collections } from '../../infra/mongo/collections.ts';
import { isFinal, type Run, type RunState } from '../../model/runs.ts';
import type { ScheduleStatus } from '../../model/schedule-status.ts';

/** A second of a day that is long over. */
export const second = (at: number): Date => new Date(Date.UTC(2024, 10, 24, 12, 0, at));

/** A document and a status, as a planner leaves them. */
export async function addSchedule(
  all: Pick<Collections, 'schedules' | 'scheduleStatus'>,
  id: string,
  phase: ScheduleStatus['phase'] | 'pending',
  more: { name?: string; version?: string; config?: object; status?: Partial<ScheduleStatus> } = {},
): Promise<void> {
  const { name, version = '1.0.0', config = {}, status = {} } = more;
  if (phase !== 'gone')
    await all.schedules.insertOne({
      id,
      config: {
        schedule: '*/5 * * * *',
        timezone: 'Europe/Berlin',
        apiKey: 'canary-51',
        ...(name === undefined ? {} : { name }),
        ...config,
      },
      custom: { version, config: { runtime: 'python3.11' } },
    });
  if (phase !== 'pending')
    await all.scheduleStatus.insertOne({
      _id: id,
      phase,
      reason: `It is ${phase}.`,
      since: second(0),
      updatedAt: second(0),
      line: [],
      failuresInRow: 0,
      ...(phase === 'active' ? { nextAt: second(60) } : {}),
      ...status,
    });
}

/** A run of the schedule before the @, with the nominal time `second(at)`. */
export async function addRun(
  all: Pick<Collections, 'runs'>,
  id: string,
  at: number,
  state: RunState,
  more: Partial<Run> = {},
): Promise<void> {
  await all.runs.insertOne({
    _id: id,
    scheduleId: id.split('@')[0] ?? '',
    kind: 'tick',
    nominal: second(at),
    due: second(at),
    state,
    reason: `it is ${state}`,
    cause: 'tick',
    createdAt: second(at),
    updatedAt: second(at),
    attempt: 1,
    attempts: [],
    ...(isFinal(state) ? { endedAt: second(at + 1) } : { open: true as const }),
    ...more,
  });
}
