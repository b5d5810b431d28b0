import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../infra/engine/port.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { LABEL } from '../../model/labels.ts';

/** Marks the holds that `up` places when it ends, so that the next one lifts those and no operator's. */
const WHO = 'up';
const POLL_MS = 200;

type Stores = Pick<Collections, 'bots' | 'holds'>;

/**
 * Has the runtime stop all bots by its own path: a hold on each, so that nothing starts them again, then waits until
 * the engine has none left. Returns how many are left when `signal` aborts. `holds` of operators stay as they are.
 */
export async function pauseBots(stores: Stores, engine: Engine, signal: AbortSignal): Promise<number> {
  const ids = await stores.bots.distinct('id');
  if (ids.length > 0)
    await stores.holds.bulkWrite(
      ids.map((id) => ({
        updateOne: {
          filter: { _id: id },
          update: {
            $setOnInsert: {
              who: WHO,
              why: '`up` was stopped with Ctrl-C; the next `up` starts it again',
              at: new Date(),
            },
          },
          upsert: true,
        },
      })),
      { ordered: false },
    );
  for (;;) {
    const left = await botContainers(engine, signal);
    if (left === 0 || signal.aborted) return left;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Lifts what `pauseBots` placed. Returns how many bots may run again. */
export async function resumeBots(stores: Pick<Stores, 'holds'>): Promise<number> {
  return (await stores.holds.deleteMany({ who: WHO })).deletedCount;
}

async function botContainers(engine: Engine, signal: AbortSignal): Promise<number> {
  const containers = await engine.list({ labels: { [LABEL.managed]: 'true' } }, { signal });
  return containers.length;
}
