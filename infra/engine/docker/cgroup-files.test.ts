import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasCgroups, readCgroup, type CgroupRoots } from './cgroup-files.ts';

const ID = 'c'.repeat(64);
let folder: string;
let roots: CgroupRoots;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'the0-cgroup-'));
  roots = { cgroup: join(folder, 'cgroup'), proc: join(folder, 'proc') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (files: Readonly<Record<string, string>>, under: string): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(under, path)), { recursive: true });
    writeFileSync(join(under, path), text);
  }
};

const DEVICES = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     777       7    0    0    0     0          0         0      777       7    0    0    0     0       0          0
  eth0:    1000      10    0    0    0     0          0         0      200       2    0    0    0     0       0          0
eth1: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0
`;

const version1 = (place: string): Record<string, string> => ({
  [`memory/${place}/memory.usage_in_bytes`]: '9000000\n',
  [`memory/${place}/memory.stat`]: 'inactive_file 5\nrss 7\ntotal_rss 7\ntotal_inactive_file 1000000\n',
  [`memory/${place}/memory.limit_in_bytes`]: '67108864\n',
  [`memory/${place}/cgroup.procs`]: '4242\n4243\n',
  [`cpuacct/${place}/cpuacct.usage`]: '123456789\n',
  [`cpu/${place}/cpu.cfs_quota_us`]: '50000\n',
  [`cpu/${place}/cpu.cfs_period_us`]: '100000\n',
  [`pids/${place}/pids.current`]: '3\n',
  [`blkio/${place}/blkio.throttle.io_service_bytes_recursive`]:
    '8:0 Read 4096\n8:0 Write 100\n8:0 Sync 0\n8:0 Total 4196\n9:1 Read 4\n9:1 Write 0\nTotal 4200\n',
});

const version2 = (place: string): Record<string, string> => ({
  [`${place}/memory.current`]: '9000000\n',
  [`${place}/memory.stat`]: 'anon 7\ninactive_file 1000000\nactive_file 5\n',
  [`${place}/memory.max`]: '67108864\n',
  [`${place}/cgroup.procs`]: '4242\n',
  [`${place}/cpu.stat`]: 'usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\n',
  [`${place}/cpu.max`]: '50000 100000\n',
  [`${place}/pids.current`]: '3\n',
  [`${place}/io.stat`]:
    '8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=0 dios=0\n9:1 rbytes=4 wbytes=0 rios=1\n',
});

const ALL = {
  atMs: 5,
  memoryBytes: 8_000_000,
  memoryLimitBytes: 67_108_864,
  cpuLimitCores: 0.5,
  pids: 3,
  diskReadBytes: 4100,
  diskWrittenBytes: 100,
  networkReceivedBytes: 1005,
  networkSentBytes: 206,
};

describe.each([
  ['1, cgroupfs', version1(`docker/${ID}`), 123_456_789],
  ['1, systemd', version1(`system.slice/docker-${ID}.scope`), 123_456_789],
  ['2, cgroupfs', version2(`docker/${ID}`), 123_456_000],
  ['2, systemd', version2(`system.slice/docker-${ID}.scope`), 123_456_000],
])('control groups of version %s', (_name, files, cpuNanos) => {
  it('are read whole', () => {
    write(files, roots.cgroup);
    write({ '4242/net/dev': DEVICES }, roots.proc);
    expect(hasCgroups(roots)).toBe(true);
    expect(readCgroup(ID, 5, roots)).toEqual({ ...ALL, cpuNanos });
  });

  it('tell nothing of another container', () => {
    write(files, roots.cgroup);
    expect(readCgroup('d'.repeat(64), 5, roots)).toBeUndefined();
  });

  it('leave the network out where its process cannot be seen', () => {
    write(files, roots.cgroup);
    expect(readCgroup(ID, 5, roots)).not.toHaveProperty('networkReceivedBytes');
    expect(readCgroup(ID, 5, roots)?.cpuNanos).toBe(cpuNanos);
  });
});

it('what has no limit has none', () => {
  const place = `docker/${ID}`;
  write(
    {
      ...version1(place),
      [`memory/${place}/memory.limit_in_bytes`]: '9223372036854771712\n',
      [`cpu/${place}/cpu.cfs_quota_us`]: '-1\n',
    },
    roots.cgroup,
  );
  const first = readCgroup(ID, 5, roots);
  expect([first?.memoryLimitBytes, first?.cpuLimitCores]).toEqual([undefined, undefined]);
  rmSync(roots.cgroup, { recursive: true });
  write(
    { ...version2(place), [`${place}/memory.max`]: 'max\n', [`${place}/cpu.max`]: 'max 100000\n' },
    roots.cgroup,
  );
  const second = readCgroup(ID, 5, roots);
  expect([second?.memoryLimitBytes, second?.cpuLimitCores]).toEqual([undefined, undefined]);
});

it('a machine without containers of Docker has none', () => {
  mkdirSync(roots.cgroup, { recursive: true });
  expect(hasCgroups(roots)).toBe(false);
});
