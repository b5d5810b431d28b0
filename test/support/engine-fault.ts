import { readdirSync, readFileSync } from 'node:fs';
import { engineStartedByUs } from '../../infra/local/engine-machine.ts';
import { ensureEngine } from '../../infra/local/engine.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { bridgeTo } from '../integration/live-logs-world.ts';
import { until } from './poll.ts';

/**
 * Ends the container engine with a signal and has it back. Only one that this project started is touched. Of somebody else's,
 * what its end is to us is done instead: all connections break, and the installation's containers are killed.
 */
export type EngineFault = {
  what: 'dockerd' | 'connections and containers';
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

export function engineFault(
  engine: Engine,
  bridge: Pick<Awaited<ReturnType<typeof bridgeTo>>, 'cut'>,
): EngineFault {
  if (engineStartedByUs() === undefined)
    return {
      what: 'connections and containers',
      restart: async () => {
        for (const { id, state } of await engine.list()) {
          bridge.cut();
          if (state === 'running') await engine.stop(id, 0);
        }
        bridge.cut();
      },
    };
  return {
    what: 'dockerd',
    restart: async (signal) => {
      const pid = engineStartedByUs();
      if (pid === undefined) throw new Error('the engine that this project started has gone');
      // Its containerd ends with it, a moment later; a new dockerd that found it there would wait for it in vain.
      const ending = [pid, ...childrenOf(pid)];
      process.kill(pid, signal);
      await until(() => !ending.some(isAlive), {
        timeoutMs: 60_000,
        what: `the end of dockerd, processes ${ending.join(' and ')}`,
      });
      await ensureEngine({ progress: () => undefined });
    },
  };
}

/** Of any of its threads. */
const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter((child) => child !== '')
    .map(Number);

/** One that ended and that nobody waited for yet counts: dockerd takes such a containerd for one that runs. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
