import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startOf, type ProcessIdentity } from '../../bin/lock.mjs';
import { DirectoryInUse } from './errors.ts';

/** Who runs in a server's directory, and on whose behalf. */
type PidFile = ProcessIdentity & { owner: ProcessIdentity };

const KILL_AFTER_MS = 10_000;

const pathIn = (dir: string): string => join(dir, 'server.pid');

export function writePidFile(dir: string, pid: number): void {
  const content: PidFile = {
    pid,
    started: startOf(pid),
    owner: { pid: process.pid, started: startOf(process.pid) },
  };
  writeFileSync(pathIn(dir), JSON.stringify(content));
}

export function removePidFile(dir: string): void {
  rmSync(pathIn(dir), { force: true });
}

/**
 * Ends the server that a killed run left behind in `dir`. Resolves with its pid if there was one.
 * @throws DirectoryInUse when the run it belongs to is alive
 */
export async function endStaleServer(dir: string): Promise<number | undefined> {
  const found = readPidFile(dir);
  if (found === undefined || !isServerIn(dir, found)) return undefined;
  if (isAlive(found.owner)) throw new DirectoryInUse(dir, found.owner.pid);
  send(found.pid, 'SIGTERM');
  // A stopped process takes no SIGTERM before it goes on.
  send(found.pid, 'SIGCONT');
  const deadline = Date.now() + KILL_AFTER_MS;
  while (isServerIn(dir, found)) {
    if (Date.now() > deadline) send(found.pid, 'SIGKILL');
    await sleep(50);
  }
  removePidFile(dir);
  return found.pid;
}

function readPidFile(dir: string): PidFile | undefined {
  try {
    const content = JSON.parse(readFileSync(pathIn(dir), 'utf8')) as Partial<PidFile>;
    if (typeof content.pid !== 'number' || typeof content.owner?.pid !== 'number') return undefined;
    return content as PidFile;
  } catch {
    // None, or cut short by the crash that made it stale: then there is nothing to identify a process by.
    return undefined;
  }
}

/** A pid may have passed to a stranger: it is ours only if it lives, started then, and its command line names `dir`. */
function isServerIn(dir: string, identity: ProcessIdentity): boolean {
  return isAlive(identity) && commandLine(identity.pid).includes(dir);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    if (process.platform === 'linux') return '';
  }
  return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
