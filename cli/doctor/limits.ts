import type { Settings } from '../../infra/config/settings.ts';
import { ok, warn, type Check } from './check.ts';
import { inGb, type MachineFacts } from './machine.ts';

/** So many containers are looked ahead for. */
const BOTS = 1_000;
/** As measured on Docker 20.10, and rounded up: files of the engine, of the whole host, of the follower of logs. */
const FILES_OF_ENGINE = 10;
const FILES_OF_HOST = 60;
const FILES_OF_FOLLOWER = 2;
const SPARE_FILES = 1_024;
/** Threads of the engine for one container, and those of a modest bot. */
const THREADS_OF_ENGINE = 12;
const THREADS_OF_BOT = 8;
/** A Linux bridge has so many ports, whatever its range of addresses is. */
const BRIDGE_PORTS = 1_023;
/** Network, gateway and broadcast address. */
const NOT_FOR_BOTS = 3;
/** An empty state, config and launcher. */
const FILES_ON_DISK = 50;
const MB = 2 ** 20;

/** What the machine lets 1,000 containers have. Pure. */
export function limitChecks(facts: MachineFacts, settings: Settings): Check[] {
  return [
    openFiles(facts),
    processes(facts, settings),
    inotify(facts),
    neighbours(facts),
    addresses(facts, settings),
    disk(facts, settings),
    memory(facts, settings),
  ];
}

/** Containers that `limit` is enough for. */
const carried = (limit: number, each: number, spare = 0): number =>
  Math.max(0, Math.floor((limit - spare) / each));

function openFiles({ kernel, ownOpenFiles, engineOpenFiles }: MachineFacts): Check {
  const name = 'open files';
  const limits: [string, number | undefined, number, number, string][] = [
    [
      'fs.file-max',
      kernel.openFiles,
      FILES_OF_HOST,
      SPARE_FILES,
      `sysctl -w fs.file-max=${BOTS * FILES_OF_HOST * 2}`,
    ],
    [
      'the engine’s nofile',
      engineOpenFiles,
      FILES_OF_ENGINE,
      SPARE_FILES,
      'raise LimitNOFILE of docker.service, and restart it',
    ],
    [
      'this process’s nofile',
      ownOpenFiles,
      FILES_OF_FOLLOWER,
      SPARE_FILES,
      `ulimit -n ${BOTS * FILES_OF_FOLLOWER + SPARE_FILES} before a processor starts, or LimitNOFILE of its unit`,
    ],
  ];
  const short = limits.flatMap(([what, limit, each, spare, cure]) =>
    limit !== undefined && carried(limit, each, spare) < BOTS
      ? [{ text: `${what} ${limit} is enough for ${carried(limit, each, spare)} bots`, cure }]
      : [],
  );
  if (short.length > 0)
    return warn(name, short.map(({ text }) => text).join(', '), short.map(({ cure }) => cure).join('; '));
  const known = limits.flatMap(([what, limit]) => (limit === undefined ? [] : [`${what} ${limit}`]));
  return ok(name, known.length === 0 ? 'not known here' : known.join(', '));
}

function processes({ kernel }: MachineFacts, { BOT_PIDS_LIMIT: each }: Settings): Check {
  const name = 'processes';
  const known = [kernel.processes, kernel.threads].filter((limit) => limit !== undefined);
  if (known.length === 0) return ok(name, 'not known here');
  const most = Math.min(...known);
  const modest = carried(most, THREADS_OF_ENGINE + THREADS_OF_BOT);
  const full = carried(most, THREADS_OF_ENGINE + each);
  const cure = `sysctl -w kernel.pid_max=4194304 kernel.threads-max=${BOTS * (THREADS_OF_ENGINE + each) * 2}, or lower BOT_PIDS_LIMIT`;
  const what = `pid_max ${kernel.processes ?? '?'}, threads-max ${kernel.threads ?? '?'}`;
  if (modest < BOTS)
    return warn(name, `${what}: enough for ${modest} bots of ${THREADS_OF_BOT} threads`, cure);
  return full < BOTS
    ? warn(name, `${what}: ${full} bots that go to BOT_PIDS_LIMIT=${each} take all there are`, cure)
    : ok(name, what);
}

function inotify({ kernel: { inotifyInstances: most } }: MachineFacts): Check {
  const name = 'inotify';
  if (most === undefined) return ok(name, 'not known here');
  return most < BOTS + 100
    ? warn(
        name,
        `max_user_instances ${most}: the engine may want one for each container whose output is followed, and polls beyond that`,
        `sysctl -w fs.inotify.max_user_instances=${BOTS * 4}`,
      )
    : ok(name, `max_user_instances ${most}`);
}

function neighbours({ kernel: { neighbours: most } }: MachineFacts): Check {
  const name = 'neighbour table';
  if (most === undefined) return ok(name, 'not known here');
  return most < BOTS * 2
    ? warn(
        name,
        `gc_thresh3 ${most}: as many addresses the host can hold, and each container on a bridge is one`,
        `sysctl -w net.ipv4.neigh.default.gc_thresh3=${BOTS * 4}`,
      )
    : ok(name, `gc_thresh3 ${most}`);
}

function addresses({ engine }: MachineFacts, { INSTALLATION: installation }: Settings): Check {
  const name = 'addresses';
  if (engine === undefined) return warn(name, 'not known: the engine did not answer', 'mend that first');
  const network = engine.botNetwork;
  if (network === undefined)
    return ok(name, 'the bots’ network is not made yet; the engine chooses its range');
  const sizes = network.subnets.map((range) => 2 ** (32 - Number(range.split('/')[1] ?? 32)));
  const room = Math.min(
    BRIDGE_PORTS,
    sizes.reduce((sum, size) => sum + Math.max(0, size - NOT_FOR_BOTS), 0),
  );
  const what = `${network.subnets.join(', ')} on ${network.bridge}: room for ${room} containers`;
  return room < BOTS
    ? warn(
        name,
        what,
        `stop all bots, remove the network (docker network rm ${installation}_bots), and give the engine larger default-address-pools`,
      )
    : ok(name, what);
}

function disk({ engine, engineDisk }: MachineFacts, settings: Settings): Check {
  const name = 'disk';
  if (engineDisk === undefined)
    return ok(
      name,
      engine === undefined
        ? 'not known: the engine did not answer'
        : 'the engine’s folder is not on this machine',
    );
  const { folder, freeBytes, freeFiles } = engineDisk;
  const output = settings.LOG_ENGINE_MB * MB;
  const bots = Math.min(carried(freeBytes, output), carried(freeFiles, FILES_ON_DISK));
  const what = `${inGb(freeBytes)} free in ${folder}`;
  return bots < BOTS
    ? warn(
        name,
        `${what}: enough for the output of ${bots} bots (LOG_ENGINE_MB=${settings.LOG_ENGINE_MB} each), and their state comes to that`,
        'give the engine a larger disk of its own, or lower LOG_ENGINE_MB',
      )
    : ok(name, what);
}

/** No warning: bots rarely use what they may, and how much they do is the operator's to know. */
function memory({ engine }: MachineFacts, settings: Settings): Check {
  const name = 'memory';
  if (engine === undefined) return ok(name, 'not known: the engine did not answer');
  const each = settings.BOT_MEMORY_LIMIT_MB * MB;
  return ok(
    name,
    `${inGb(engine.memoryBytes)}: ${carried(engine.memoryBytes, each)} bots that use all of BOT_MEMORY_LIMIT_MB=${settings.BOT_MEMORY_LIMIT_MB}`,
  );
}
