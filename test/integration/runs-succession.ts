import { expect } from 'vitest';
import type { FakeEngine } from '../../infra/engine/fake/index.ts';
import { runContainerName } from '../../model/names.ts';
import type { RunDeps } from '../../processors/runs/pass.ts';
import { until } from '../support/poll.ts';
import { Mortal, type Point } from './runs-mortal.ts';
import type { RunsWorld } from './runs-world.ts';

export type Succession = {
  /** How often containers of the schedule were started. */
  startsOf: (scheduleId: string) => Promise<number>;
  /** Ends the run's container with 0 as soon as it runs, once. */
  endWhenUp: (runId: string) => Promise<void>;
  /** Neither on the engine nor in the line. */
  nothingLeft: (scheduleId: string, runId: string) => Promise<void>;
  /** A handler that dies, or is stopped, at that point. */
  mortal: (point: Point, owner?: string) => { handler: Mortal; deps: RunDeps };
};

/** What tests of one handler after the other need on top of their world. */
export const succession = (engine: FakeEngine, world: () => RunsWorld<FakeEngine>): Succession => ({
  async startsOf(scheduleId) {
    const ledger = await engine.control.ledger();
    return ledger.filter(({ botId, type }) => botId === scheduleId && type === 'started').length;
  },
  async endWhenUp(runId) {
    const name = runContainerName(engine.installation, runId);
    await until(async () => (await engine.inspect(name))?.state === 'running', { timeoutMs: 20_000 });
    await engine.control.exit(name, 0);
  },
  async nothingLeft(scheduleId, runId) {
    expect(await world().container(runId)).toBeUndefined();
    expect(await world().launchVolumes(runId)).toEqual([]);
    expect((await world().status(scheduleId)).line).toEqual([]);
  },
  mortal(point, owner = 'first') {
    const handler = new Mortal(point);
    const deps = world().deps({
      engine: handler.engine(engine),
      runs: handler.runs(world().services.collections.runs),
      owner,
    });
    return { handler, deps };
  },
});
