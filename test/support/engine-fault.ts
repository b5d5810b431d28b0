import { readdirSync, readFileSync } from 'node:fs';
import { ensureEngine } from '../../infra/local/engine.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { LABEL } from '../../model/labels.ts';
import type { bridgeTo } from './engine-bridge.ts';
import { until } from './poll.ts';

/**
 * Ends the container engine with a signal and has it back. Only one that tests started, and in which only tests have bots, is
 * touched. Of any other, what its end is to us is done instead: all connections break, and the installation's containers are
 * killed.
 */
export type EngineFault = {
  what: 'dockerd' | 'connections and containers';
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

const SOCKET = '/var/run/docker.sock';
const PID_FILE = '/var/run/docker.pid';
/** Of the installations that `testServers` makes. */
const OF_TESTS = /^t-[0-9a-f]{8}/;

export async function engineFault(
  engine: Engine,
  { dockerHost, bridge }: { dockerHost: string; bridge: Pick<Awaited<ReturnType<typeof bridgeTo>>, 'cut'> },
): Promise<EngineFault> {
  if (!(await isOfTestsAlone(engine, dockerHost)))
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
  return { what: 'dockerd', restart: (signal) => restart(engine, signal) };
}

async function restart(engine: Engine, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const pid = dockerd();
  if (pid === undefined) throw new Error('the engine that tests started has gone');
  const containers = (await engine.list()).map(({ id }) => id);
  const shims = processes().filter((each) => containers.some((id) => isShimOf(each, id)));
  try {
    // Its containerd ends with it, a moment later; a new dockerd that found it there would wait for it in vain.
    const ending = [pid, ...childrenOf(pid)];
    process.kill(pid, signal);
    await until(() => !ending.some(isAlive), {
      timeoutMs: 60_000,
      what: `the end of dockerd, processes ${ending.join(' and ')}`,
    });
  } finally {
    // Whatever comes next needs one.
    await ensureEngine({ progress: () => undefined });
  }
  // A new dockerd ends the containers that are left over, and forgets those who looked after them.
  for (const shim of shims) if (containers.some((id) => isShimOf(shim, id))) process.kill(shim, 'SIGKILL');
}

async function isOfTestsAlone(engine: Engine, dockerHost: string): Promise<boolean> {
  const isUsual = (process.env['DOCKER_HOST'] ?? '') === '' && dockerHost === `unix://${SOCKET}`;
  if (!isUsual || dockerd() === undefined) return false;
  const others = await engine.list({ scope: 'any-managed' });
  return others.every(({ labels }) => OF_TESTS.test(labels[LABEL.installation] ?? ''));
}

/** Process id of the engine, if vitest started it, in this run or an earlier one: it has its environment. */
function dockerd(): number | undefined {
  const pid = Number(read(PID_FILE) ?? Number.NaN);
  const isOfTests = read(`/proc/${pid}/environ`)?.split('\0').includes('VITEST=true') === true;
  return isOfTests && read(`/proc/${pid}/comm`)?.trim() === 'dockerd' ? pid : undefined;
}

const processes = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function isShimOf(pid: number, containerId: string): boolean {
  const words = read(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  return words[0]?.includes('containerd-shim') === true && words.includes(containerId);
}

/** Of any of its threads. */
const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`)?.split(' ') ?? [])
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

/** Undefined: there is none, or not any more. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
