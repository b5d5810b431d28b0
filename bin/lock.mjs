// A lock between processes that needs nothing but a file system: a directory that exists while it is held.
// Plain JavaScript, because the boot script takes it before anything is installed.
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
const TAKEOVER_STALE_MS = 10_000;

/**
 * Holds the lock at `path` while `work` runs. Waits for a holder that lives; takes over from one that died.
 * `onWait(pid)` is called once when there is somebody to wait for.
 */
export async function withLock(path, work, { onWait = () => {}, timeoutMs = 600_000 } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  let told = false;
  while (!tryAcquire(path)) {
    const holder = readHolder(path);
    if (holder !== undefined && !isAlive(holder)) {
      removeStale(path);
      continue;
    }
    if (!told && holder !== undefined) onWait(holder.pid);
    told = true;
    if (Date.now() > deadline)
      throw new Error(
        `${path} is held by process ${holder?.pid ?? '(unknown)'} for more than ${timeoutMs / 1000} s: end that process, or remove the directory if it is not ours`,
      );
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** The directory appears with its owner's name already inside, so a lock without an owner cannot be seen. */
function tryAcquire(path) {
  const prepared = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  mkdirSync(prepared);
  writeFileSync(
    join(prepared, 'holder.json'),
    JSON.stringify({ pid: process.pid, started: startOf(process.pid) }),
  );
  try {
    renameSync(prepared, path);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) return false;
    throw error;
  }
}

/** Only one waiter at a time may remove, and it looks again first: a lock taken meanwhile is not the stale one. */
function removeStale(path) {
  const guard = `${path}.takeover`;
  try {
    mkdirSync(guard);
  } catch {
    // Somebody else is at it, or died at it.
    try {
      if (Date.now() - statSync(guard).mtimeMs > TAKEOVER_STALE_MS) rmdirSync(guard);
    } catch {
      // It is gone already.
    }
    return;
  }
  try {
    const holder = readHolder(path);
    if (holder !== undefined && !isAlive(holder)) rmSync(path, { recursive: true, force: true });
  } finally {
    rmdirSync(guard);
  }
}

function readHolder(path) {
  try {
    return JSON.parse(readFileSync(join(path, 'holder.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** A process as it can be named for good: process ids are used again, start times are not. Undefined: it has ended. */
export function startOf(pid) {
  if (process.platform === 'linux') {
    const { state, started } = statusOf(pid);
    // Ended, and not yet collected by its parent: in a container without an init process that may last for ever.
    return state === 'Z' || state === 'X' ? undefined : started;
  }
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim();
  } catch {
    // ps fails when there is no such process.
    return undefined;
  }
}

function statusOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces, so count from the last one; the start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] };
  } catch {
    return {};
  }
}

/** Whether the process with this id and start time still runs. */
export function isAlive({ pid, started }) {
  const now = startOf(pid);
  return now !== undefined && (started === undefined || now === started);
}
