import type { Settings } from '../../infra/config/settings.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { Semaphore } from '../../processors/semaphore.ts';

/** A stop mostly waits for its container: many of them cost the engine little, but not any number. */
const STOPS_FOR_EACH_START = 8;

/**
 * The same engine, asked by this process for so many stops and removals at once only; more wait. Starts are counted over
 * all processes (`processors/engine-room.ts`).
 */
export function boundedEngine(engine: Engine, { ENGINE_CONCURRENCY: width }: Settings): Engine {
  const stops = new Semaphore(width * STOPS_FOR_EACH_START);
  const removals = new Semaphore(width);
  const bounded: Pick<Engine, 'stop' | 'remove'> = {
    stop: (id, graceMs, options) => stops.run(() => engine.stop(id, graceMs, options), options?.signal),
    remove: (id, options) => removals.run(() => engine.remove(id, options), options?.signal),
  };
  return Object.assign(Object.create(engine) as Engine, bounded);
}
