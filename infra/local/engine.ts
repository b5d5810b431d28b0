import { join } from 'node:path';
import { withLock } from '../../bin/lock.mjs';
import { cacheDirectory } from './cache.ts';
import { EngineMissing } from './errors.ts';
import { EngineMachine } from './engine-machine.ts';
import { explainUnreachable, pingEngine, type Ping } from './engine-ping.ts';
import { findOnPath } from './find.ts';
import { pollUntilReady } from './poll.ts';
import type { Environment, Progress } from './types.ts';

export type EnsuredEngine = {
  /** As DOCKER_HOST wants it. */
  dockerHost: string;
  /** Whether we started it. It goes on running when we end, since bots live in it. */
  started: boolean;
};

export type EnsureEngineOptions = { progress: Progress; environment?: Environment };

/** What `ensureEngine` does to the machine; a test passes another. */
export type Machine = {
  isRoot: boolean;
  isDebian: boolean;
  hasSystemd: boolean;
  /** Pids of container engines in our network namespace: a second one would break the first one's networks. */
  runningEngines(): number[];
  install(): Promise<void>;
  startService(): Promise<void>;
  startDetached(dockerd: string): void;
  ping(host: string): Promise<Ping>;
  findProgram(name: string): string | undefined;
  logFile: string;
};

const START_TIMEOUT_MS = 30_000;

/**
 * The engine that DOCKER_HOST or a socket names, if it answers; else, as root on Debian or Ubuntu, Docker is installed
 * from the system's packages and started. Never starts one beside another that runs.
 * @throws EngineMissing saying what to install, or which permission is missing
 */
export async function ensureEngine(
  options: EnsureEngineOptions,
  machine: Machine = machineOf(options),
): Promise<EnsuredEngine> {
  const { progress, environment = process.env } = options;
  const begun = Date.now();
  const hosts = candidateHosts(environment);
  const problems: string[] = [];
  for (const host of hosts) {
    const ping = await machine.ping(host);
    if (ping.ok) {
      progress({ what: 'Container engine', detail: `answers at ${host}`, ms: Date.now() - begun });
      return { dockerHost: host, started: false };
    }
    if (ping.problem === 'denied') throw new EngineMissing(explainUnreachable(host, ping));
    problems.push(explainUnreachable(host, ping));
  }
  const [host = ''] = hosts;
  if ((environment['DOCKER_HOST'] ?? '') !== '') throw new EngineMissing(problems.join('\n'));
  return withLock(join(cacheDirectory(environment), 'engine.lock'), () =>
    bringUp(host, problems, options.progress, machine),
  );
}

/** DOCKER_HOST alone if set; else the usual sockets, the system's first. */
export function candidateHosts(environment: Environment): string[] {
  const configured = environment['DOCKER_HOST'];
  if (configured !== undefined && configured !== '') return [configured];
  const sockets = ['/var/run/docker.sock'];
  const { XDG_RUNTIME_DIR: runtime, HOME: home } = environment;
  if (runtime !== undefined && runtime !== '') sockets.push(join(runtime, 'docker.sock'));
  if (home !== undefined && home !== '') sockets.push(join(home, '.docker', 'run', 'docker.sock'));
  return sockets.map((path) => `unix://${path}`);
}

async function bringUp(
  host: string,
  problems: string[],
  progress: Progress,
  machine: Machine,
): Promise<EnsuredEngine> {
  // Another run may have started it while we waited for the lock.
  if ((await machine.ping(host)).ok) return { dockerHost: host, started: false };
  const [running] = machine.runningEngines();
  if (running !== undefined) {
    progress({
      what: 'Container engine',
      detail: `process ${running} runs but does not answer yet: waiting`,
    });
    return {
      dockerHost: await untilReady(
        host,
        machine,
        `dockerd runs as process ${running} but does not answer at ${host}: restart it, or set DOCKER_HOST to where it listens`,
      ),
      started: false,
    };
  }
  const found = machine.findProgram('dockerd');
  if (!machine.isRoot || (found === undefined && !machine.isDebian))
    throw new EngineMissing(missing(problems, machine, found));
  if (found === undefined) {
    const begun = Date.now();
    progress({ what: 'Container engine', detail: 'installing docker.io with apt-get' });
    await machine.install();
    progress({ what: 'Container engine', detail: 'docker.io installed', ms: Date.now() - begun });
    // Its package starts the service by itself where the system has one for services.
    if ((await machine.ping(host)).ok) return { dockerHost: host, started: true };
  }
  const dockerd = machine.findProgram('dockerd');
  if (dockerd === undefined)
    throw new EngineMissing('docker.io is installed, and yet there is no dockerd on the PATH');
  const begun = Date.now();
  if (machine.hasSystemd) await machine.startService();
  else if (machine.runningEngines().length === 0) machine.startDetached(dockerd);
  await untilReady(
    host,
    machine,
    `dockerd was started and does not answer at ${host}: see ${machine.hasSystemd ? 'journalctl -u docker' : machine.logFile}`,
  );
  progress({
    what: 'Container engine',
    detail: `started, answers at ${host}; it goes on running when this command ends`,
    ms: Date.now() - begun,
  });
  return { dockerHost: host, started: true };
}

async function untilReady(host: string, machine: Machine, message: string): Promise<string> {
  const check = async (): Promise<void> => {
    const ping = await machine.ping(host);
    if (!ping.ok) throw new Error(explainUnreachable(host, ping));
  };
  try {
    await pollUntilReady(check, { timeoutMs: START_TIMEOUT_MS, everyMs: 100 });
  } catch (error) {
    throw new EngineMissing(message, { cause: error });
  }
  return host;
}

function missing(problems: readonly string[], machine: Machine, dockerd: string | undefined): string {
  const cure =
    dockerd !== undefined
      ? 'Docker is installed but does not run: start it as root (systemctl start docker), or run this command as root.'
      : machine.isDebian
        ? 'Install it as root:  apt-get install -y docker.io'
        : 'Install Docker (Docker Desktop, colima, or the docker package of your system) and start it.';
  return `Bots need a container engine, and none answers:\n${problems.map((problem) => `  ${problem}`).join('\n')}\n${cure}\nOr set DOCKER_HOST to an engine elsewhere.`;
}

function machineOf({ environment = process.env, progress }: EnsureEngineOptions): Machine {
  return new EngineMachine({
    environment,
    progress,
    ping: (host) => pingEngine(host, environment),
    findProgram: (name) => findOnPath([name], `${environment['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/local/sbin`),
  });
}
