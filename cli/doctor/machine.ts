import { constants, promises as fs, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Environment } from '../../infra/config/load.ts';
import type { SettingDefinition } from '../../infra/config/define.ts';
import { SETTINGS, type Settings } from '../../infra/config/settings.ts';
import type { EngineHostFacts } from '../../infra/engine/audit.ts';
import { endpointOptions, parseEndpoint } from '../../infra/engine/docker/endpoint.ts';
import { ROOT } from '../paths.ts';
import { upFilePath } from '../target.ts';
import { openEngine } from './engine.ts';

export type DiskFacts = { folder: string; freeBytes: number; freeFiles: number };
export type FolderFacts = { folder: string; writable: boolean };
export type SocketFacts = { path: string; mode: number; usable: boolean };

/** What the kernel lets this machine have. Undefined: not known here. */
export type KernelLimits = {
  openFiles: number | undefined;
  processes: number | undefined;
  threads: number | undefined;
  inotifyInstances: number | undefined;
  neighbours: number | undefined;
};

export type MachineFacts = {
  kernel: KernelLimits;
  ownOpenFiles: number | undefined;
  /** Of the engine's own process, where it is one of this machine. */
  engineOpenFiles: number | undefined;
  /** Undefined where the engine did not answer. */
  engine: EngineHostFacts | undefined;
  /** Undefined where the engine's folder is not here. */
  engineDisk: DiskFacts | undefined;
  temporary: FolderFacts & { freeBytes: number | undefined };
  data: FolderFacts;
  /** Undefined where the engine is asked otherwise, or there is none. */
  socket: SocketFacts | undefined;
  /** Files with secrets that others than their owner and its group may read. */
  openSecrets: readonly string[];
  /** Why BOT_SECCOMP_PROFILE cannot be used; undefined where it can, or is unset. */
  seccompProblem: string | undefined;
};

/** Names of variables that name files with secrets. */
const SECRET_FILES = Object.entries(SETTINGS as Record<string, SettingDefinition>).flatMap(
  ([name, { secret, aliases = [] }]) =>
    secret === true ? [name, ...aliases].map((each) => `${each}_FILE`) : [],
);
const ENGINE_PID_FILE = '/var/run/docker.pid';
const MB = 2 ** 20;
const READ_BY_OTHERS = 0o004;

/** Reads what this machine says of itself; asks nothing else but the engine, and changes nothing. */
export async function probeMachine(
  settings: Settings,
  environment: Environment,
  signal: AbortSignal,
): Promise<MachineFacts> {
  const engine = await engineFacts(settings, signal);
  const [engineDisk, temporary, data, socket, openSecrets] = await Promise.all([
    engine?.folder === undefined ? undefined : diskOf(engine.folder),
    folderFacts(tmpdir()),
    folderFacts(dirname(upFilePath(environment))),
    socketFacts(settings),
    secretsOthersMayRead(environment),
  ]);
  return {
    kernel: {
      openFiles: numberIn('/proc/sys/fs/file-max'),
      processes: numberIn('/proc/sys/kernel/pid_max'),
      threads: numberIn('/proc/sys/kernel/threads-max'),
      inotifyInstances: numberIn('/proc/sys/fs/inotify/max_user_instances'),
      neighbours: numberIn('/proc/sys/net/ipv4/neigh/default/gc_thresh3'),
    },
    ownOpenFiles: openFilesOf('self'),
    engineOpenFiles: engineOpenFiles(),
    engine,
    engineDisk,
    temporary: { ...temporary, freeBytes: (await diskOf(temporary.folder))?.freeBytes },
    data,
    socket,
    openSecrets,
    seccompProblem: seccompProblem(settings),
  };
}

async function engineFacts(settings: Settings, signal: AbortSignal): Promise<EngineHostFacts | undefined> {
  try {
    const engine = openEngine(settings);
    await using _ = engine;
    return await engine.hostFacts({ signal });
  } catch {
    // Its own check says why.
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function numberIn(path: string): number | undefined {
  const text = textOf(path)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** The soft limit, which is what counts. */
function openFilesOf(process: string): number | undefined {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(textOf(`/proc/${process}/limits`) ?? '') ?? [];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Infinity : Number(soft);
}

function engineOpenFiles(): number | undefined {
  const pid = numberIn(ENGINE_PID_FILE);
  return pid === undefined ? undefined : openFilesOf(String(pid));
}

async function diskOf(folder: string): Promise<DiskFacts | undefined> {
  try {
    const { bavail, bsize, ffree } = await fs.statfs(folder);
    return { folder, freeBytes: bavail * bsize, freeFiles: ffree };
  } catch {
    return undefined;
  }
}

/** Whether it can be written to or, where it is not there yet, the nearest folder above it. */
async function folderFacts(folder: string): Promise<FolderFacts> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      await fs.access(at, constants.W_OK);
      return { folder, writable: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at))
        return { folder, writable: false };
    }
  }
}

async function socketFacts(settings: Settings): Promise<SocketFacts | undefined> {
  try {
    const endpoint = parseEndpoint(endpointOptions(settings));
    if (endpoint.kind !== 'socket') return undefined;
    const path = endpoint.socketPath;
    const { mode } = await fs.stat(path);
    const usable = await fs.access(path, constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    );
    return { path, mode: mode & 0o777, usable };
  } catch {
    return undefined;
  }
}

async function secretsOthersMayRead(environment: Environment): Promise<string[]> {
  const named = SECRET_FILES.flatMap((name) => environment[name] ?? []).filter((path) => path !== '');
  const open: string[] = [];
  for (const path of [...new Set([...named, join(ROOT, '.env'), upFilePath(environment)])]) {
    const mode = await fs.stat(path).then(
      (stats) => stats.mode,
      () => 0,
    );
    if ((mode & READ_BY_OTHERS) !== 0) open.push(path);
  }
  return open;
}

function seccompProblem({ BOT_SECCOMP_PROFILE: path }: Settings): string | undefined {
  if (path === undefined) return undefined;
  try {
    JSON.parse(readFileSync(path, 'utf8'));
    return undefined;
  } catch (error) {
    return `BOT_SECCOMP_PROFILE=${path} cannot be read: ${(error as Error).message}`;
  }
}

export const inGb = (bytes: number): string => `${(bytes / (1024 * MB)).toFixed(1)} GB`;
