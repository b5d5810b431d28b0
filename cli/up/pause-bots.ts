import type { Engine } from '../../infra/engine/port.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { LABEL } from '../../model/labels.ts';
import type { ScheduleControl } from '../../producers/control/schedules.ts';
import { endQueries } from './end-queries.ts';
import { pause } from '../../infra/pause.ts';

/** Marks the holds that `up` places when it ends, so that the next one lifts those and no operator's. */
const WHO = 'up';
const WHY = '`up` was stopped with Ctrl-C; the next `up` starts it again';
const POLL_MS = 200;

type Stores = Pick<Collections, 'bots' | 'schedules' | 'holds' | 'runs' | 'queryContainers'>;

/**
 * Has the runtime stop all bots by its own path: a hold on each, and on each schedule, so that nothing starts them again,
 * and a wish to cancel each run that is not over; ends query programs; then waits until the engine has nothing of them left. Returns how many
 * containers are left when `signal` aborts. `holds` of operators stay as they are.
 */
export async function pauseBots(
  stores: Stores,
  control: Pick<ScheduleControl, 'cancelRun'>,
  engine: Engine,
  signal: AbortSignal,
): Promise<number> {
  const ids = (await Promise.all([stores.bots.distinct('id'), stores.schedules.distinct('id')])).flat();
  if (ids.length > 0)
    await stores.holds.bulkWrite(
      ids.map((id) => ({
        updateOne: {
          filter: { _id: id },
          update: { $setOnInsert: { who: WHO, why: WHY, at: new Date() } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
  for (;;) {
    // Again each time: a tick that was being handled a moment ago may have made one more.
    const open = await cancelOpenRuns(stores, control);
    await endQueries(stores, engine);
    const left = await containersLeft(engine, signal);
    if ((left === 0 && open === 0) || signal.aborted) return left;
    await pause(POLL_MS, signal, { keepsAlive: true });
  }
}

/** Lifts what `pauseBots` placed. Returns how many bots and schedules may run again. */
export async function resumeBots(stores: Pick<Stores, 'holds'>): Promise<number> {
  return (await stores.holds.deleteMany({ who: WHO })).deletedCount;
}

/** Returns how many runs are not over. */
async function cancelOpenRuns(
  { runs }: Pick<Stores, 'runs'>,
  control: Pick<ScheduleControl, 'cancelRun'>,
): Promise<number> {
  const open = await runs.find({ open: true }, { projection: { cancel: 1 } }).toArray();
  const uncancelled = open.filter(({ cancel }) => cancel === undefined);
  await Promise.all(
    uncancelled.map(({ _id: runId }) =>
      control.cancelRun({ runId, who: WHO, why: '`up` was stopped with Ctrl-C' }),
    ),
  );
  return open.length;
}

async function containersLeft(engine: Engine, signal: AbortSignal): Promise<number> {
  const containers = await engine.list({ labels: { [LABEL.managed]: 'true' } }, { signal });
  return containers.length;
}
