import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer, ServerKind } from '../../infra/local/types.ts';

/** What goes wrong, and when, counted in seconds from the beginning. */
export type Fault = { atS: number } & (
  { what: 'kill'; dice: number } | { what: 'flush' } | { what: 'outage'; kind: ServerKind; forS: number }
);

/** Of the whole time, when each server goes: far enough apart that one has healed before the next. */
const FLUSHES = [0.2, 0.68];
const OUTAGES: readonly (readonly [number, ServerKind])[] = [
  [0.32, 'redis'],
  [0.5, 'mongo'],
  [0.84, 'nats'],
];
const OUTAGE_S = 8;
const OUTAGE_SHARE = 0.08;
/** After each outage somebody must have time to get up again. */
const KILL_GAP_S = { least: 5, spread: 10 };

/**
 * Kills at random moments all the time, Redis emptied twice and stopped once, MongoDB and NATS stopped once. A function
 * of `random`, so that a seed brings the same again.
 */
export function randomFaults(options: {
  seconds: number;
  random: () => number;
  servers: readonly ServerKind[];
}): Fault[] {
  const { seconds, random, servers } = options;
  const faults: Fault[] = [];
  for (
    let atS = KILL_GAP_S.least * random();
    atS < seconds;
    atS += KILL_GAP_S.least + KILL_GAP_S.spread * random()
  )
    faults.push({ what: 'kill', atS, dice: random() });
  const shake = (): number => (random() - 0.5) * 0.04;
  for (const share of FLUSHES) faults.push({ what: 'flush', atS: (share + shake()) * seconds });
  for (const [share, kind] of OUTAGES)
    if (servers.includes(kind))
      faults.push({
        what: 'outage',
        kind,
        atS: (share + shake()) * seconds,
        forS: Math.min(OUTAGE_S, OUTAGE_SHARE * seconds),
      });
  return faults.toSorted((a, b) => a.atS - b.atS);
}

export type FaultActions = {
  /** Kills one of the processes with -9, chosen by `dice` in [0, 1), and starts another in its place. */
  kill: (dice: number) => void;
  flush: () => Promise<unknown>;
  servers: Readonly<Partial<Record<ServerKind, RunningServer>>>;
};

/** Lets it all happen at its time; resolves after `seconds`, when every server is up again. */
export async function runFaults(
  faults: readonly Fault[],
  options: { seconds: number; act: FaultActions; signal?: AbortSignal; say?: (line: string) => void },
): Promise<void> {
  const { seconds, act, say = () => undefined } = options;
  const wait = (s: number): Promise<void> =>
    sleep(s * 1000, undefined, options.signal === undefined ? {} : { signal: options.signal });
  const happen = async (fault: Fault): Promise<void> => {
    await wait(fault.atS);
    switch (fault.what) {
      case 'kill':
        return act.kill(fault.dice);
      case 'flush':
        await act.flush();
        return say(`${fault.atS.toFixed(1)} s: Redis emptied`);
      case 'outage': {
        const server = act.servers[fault.kind];
        if (server === undefined) throw new Error(`There is no ${fault.kind} that may be stopped`);
        say(`${fault.atS.toFixed(1)} s: ${fault.kind} stopped for ${fault.forS.toFixed(1)} s`);
        await server.stop();
        await wait(fault.forS);
        return server.restart();
      }
    }
  };
  await Promise.all([wait(seconds), ...faults.map(happen)]);
}
