import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { UsageReading } from '../../../model/usage.ts';

/** Where the kernel tells; tests have folders of their own. */
export type CgroupRoots = { cgroup: string; proc: string };
export const KERNEL_ROOTS: CgroupRoots = { cgroup: '/sys/fs/cgroup', proc: '/proc' };

/** Larger than any of these files; longer ones are read as far as this. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);
/** cgroup version 1 says so where there is no limit: the largest whole number of pages. */
const NO_LIMIT_BYTES = 2 ** 62;
const NANOS_PER_MICRO = 1_000;

/**
 * What a container has used, by the kernel's own files; undefined where this machine has none of that id. A few reads of some
 * microseconds each, so they are not worth a thread. Its name is the proof that it is ours: an id is found on one machine only.
 */
export function readCgroup(
  id: string,
  atMs: number,
  roots: CgroupRoots = KERNEL_ROOTS,
): UsageReading | undefined {
  for (const place of [`docker/${id}`, `system.slice/docker-${id}.scope`]) {
    const first = readText(join(roots.cgroup, 'memory', place, 'memory.usage_in_bytes'));
    if (first !== undefined) return readVersion1(place, Number(first), atMs, roots);
    const second = readText(join(roots.cgroup, place, 'memory.current'));
    if (second !== undefined) return readVersion2(place, Number(second), atMs, roots);
  }
  return undefined;
}

/** Whether one of the places exists in which Docker puts containers; where none does, its host is another machine. */
export const hasCgroups = (roots: CgroupRoots = KERNEL_ROOTS): boolean =>
  ['memory/docker', 'docker', 'memory/system.slice', 'system.slice'].some((place) =>
    existsSync(join(roots.cgroup, place)),
  );

function readVersion1(
  place: string,
  memory: number,
  atMs: number,
  roots: CgroupRoots,
): UsageReading | undefined {
  const read = (controller: string, file: string): string | undefined =>
    readText(join(roots.cgroup, controller, place, file));
  const cpuNanos = numberOf(read('cpuacct', 'cpuacct.usage'));
  if (cpuNanos === undefined) return undefined;
  const limit = numberOf(read('memory', 'memory.limit_in_bytes'));
  const quota = numberOf(read('cpu', 'cpu.cfs_quota_us'));
  const period = numberOf(read('cpu', 'cpu.cfs_period_us'));
  const disk = read('blkio', 'blkio.throttle.io_service_bytes_recursive');
  return complete({
    atMs,
    cpuNanos,
    memoryBytes: memory - (fieldOf(read('memory', 'memory.stat'), 'total_inactive_file') ?? 0),
    memoryLimitBytes: limit === undefined || limit >= NO_LIMIT_BYTES ? undefined : limit,
    cpuLimitCores: quota === undefined || period === undefined || quota <= 0 ? undefined : quota / period,
    pids: numberOf(read('pids', 'pids.current')),
    diskReadBytes: sumOf(disk, /^\d+:\d+ Read (\d+)$/gm),
    diskWrittenBytes: sumOf(disk, /^\d+:\d+ Write (\d+)$/gm),
    ...readNetwork(read('memory', 'cgroup.procs'), roots),
  });
}

function readVersion2(
  place: string,
  memory: number,
  atMs: number,
  roots: CgroupRoots,
): UsageReading | undefined {
  const read = (file: string): string | undefined => readText(join(roots.cgroup, place, file));
  const cpuMicros = fieldOf(read('cpu.stat'), 'usage_usec');
  if (cpuMicros === undefined) return undefined;
  // `max 100000` where there is no limit.
  const [quota, period] = (read('cpu.max') ?? '').split(' ').map(Number);
  const disk = read('io.stat');
  return complete({
    atMs,
    cpuNanos: cpuMicros * NANOS_PER_MICRO,
    memoryBytes: memory - (fieldOf(read('memory.stat'), 'inactive_file') ?? 0),
    memoryLimitBytes: numberOf(read('memory.max')),
    cpuLimitCores: quota && period ? quota / period : undefined,
    pids: numberOf(read('pids.current')),
    diskReadBytes: sumOf(disk, /\brbytes=(\d+)/g),
    diskWrittenBytes: sumOf(disk, /\bwbytes=(\d+)/g),
    ...readNetwork(read('cgroup.procs'), roots),
  });
}

/** All processes of a container have one network. Of a process that this one cannot see, the kernel tells 0. */
function readNetwork(
  processes: string | undefined,
  roots: CgroupRoots,
): Pick<UsageReading, 'networkReceivedBytes' | 'networkSentBytes'> {
  const pid = Number.parseInt(processes ?? '', 10);
  const devices = pid > 0 ? readText(join(roots.proc, String(pid), 'net', 'dev')) : undefined;
  if (devices === undefined) return {};
  let [received, sent] = [0, 0];
  for (const [, name, figures] of devices.matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)) {
    if (name === 'lo' || figures === undefined) continue;
    const columns = figures.split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
  }
  return { networkReceivedBytes: received, networkSentBytes: sent };
}

function complete(
  reading: { [K in keyof UsageReading]: UsageReading[K] | undefined } & {
    atMs: number;
    cpuNanos: number;
    memoryBytes: number;
  },
): UsageReading {
  const known = Object.entries(reading).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(known) as UsageReading), memoryBytes: Math.max(0, reading.memoryBytes) };
}

/** Undefined: there is no such file, or it went while it was read, with its container. */
function readText(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return BUFFER.toString('latin1', 0, readSync(file, BUFFER, 0, BUFFER.length, 0));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** `max` is no number: no limit. */
function numberOf(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

const fieldOf = (text: string | undefined, name: string): number | undefined =>
  numberOf(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1]);

const sumOf = (text: string | undefined, pattern: RegExp): number | undefined =>
  text === undefined
    ? undefined
    : [...text.matchAll(pattern)].reduce((sum, [, figure]) => sum + Number(figure), 0);
